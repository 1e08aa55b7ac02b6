//! The page of a scenario.

use super::{
    Case, Page,
    diagram::diagram,
    given,
    markdown::{anchor, block, code, link, plain, relative},
    requirements,
    step::{self, Told},
};
use crate::{
    scenario::{Action, Confidence, Requirements},
    snapshot::RecordedStep,
};

pub(super) fn page(page: &Page<'_>, known: &Requirements) -> String {
    let scenario = page.first();
    let mut text = format!("# {}\n\n", page.title());
    if let Some(summary) = &scenario.summary {
        put!(text, "{}\n\n", plain(summary));
    }
    let tags: Vec<_> = scenario.tags.iter().map(|tag| code(&tag.value)).collect();
    let tags = if tags.is_empty() { String::new() } else { format!(" · {}", tags.join(" ")) };
    put!(text, "{}{tags}\n\n", code(&scenario.file));
    text += &covers(page, known);
    text += &given_text(page);
    for case in &page.cases {
        text += &case_text(page, case);
    }
    text += &recorded(page);
    text
}

fn covers(page: &Page<'_>, known: &Requirements) -> String {
    let covered = page.covers(known);
    if covered.is_empty() {
        return String::new();
    }
    let mut text = "## What it shows\n\n".to_owned();
    let target = relative(page.group(), requirements::PATH);
    for requirement in covered {
        let id = &requirement.id.value;
        let link = link(&plain(id), &format!("{target}#{}", anchor(id)));
        let mark = mark(requirement.confidence);
        put!(
            text,
            "- {link} {mark} {} *({})*\n",
            plain(&requirement.statement),
            plain(&requirement.source)
        );
    }
    text + "\n"
}

/// How sure a requirement is, as it stands behind facts.
pub(super) fn mark(confidence: Confidence) -> String {
    match confidence {
        Confidence::Guess => "**\\[guess\\]**".to_owned(),
        other => format!("\\[{other}\\]"),
    }
}

fn given_text(page: &Page<'_>) -> String {
    let mut text = "## What is given\n\n".to_owned();
    let of = |case: &Case<'_>| bullets(&given::words(&case.scenario.given));
    let words = of(&page.cases[0]);
    if page.cases.iter().all(|case| of(case) == words) {
        text += &words;
    } else {
        for case in &page.cases {
            put!(text, "With {}:\n\n{}\n", code(case.values().unwrap_or_default()), of(case));
        }
    }
    if let Some(yaml) = &page.given {
        put!(text, "\n{}", block("yaml", yaml));
    }
    text + "\n"
}

fn bullets(sentences: &[String]) -> String {
    sentences.iter().flat_map(|sentence| ["- ", sentence, "\n"]).collect()
}

fn case_text(page: &Page<'_>, case: &Case<'_>) -> String {
    let mut text = match case.values() {
        None => "## What happens\n\n".to_owned(),
        Some(values) => {
            let title = plain(&case.scenario.title.value);
            let title = if title == page.title() { String::new() } else { format!("{title}\n\n") };
            format!("## What happens with {}\n\n{title}", code(values))
        }
    };
    put!(text, "{}\n", block("mermaid", &diagram(&case.steps)));
    text += &steps(&case.steps);
    for (target, path, own) in &case.exceptions {
        put!(text, "## On {} it differs\n\nRecorded in {}.\n\n", code(target), code(path));
        let differs = |(shared, own): &(&Told<'_>, &Told<'_>)| shared.recorded != own.recorded;
        for (_, own) in case.steps.iter().zip(own).filter(differs) {
            text += &heading(own);
            text += &own.recorded.map(exchange).unwrap_or_default();
        }
    }
    text
}

fn steps(steps: &[Told<'_>]) -> String {
    let mut text = String::new();
    for (index, told) in steps.iter().enumerate() {
        text += &heading(told);
        let Some(recorded) = told.recorded else {
            if matches!(told.step.action, Action::Send(_)) {
                text += "This exchange is not recorded.\n\n";
            }
            continue;
        };
        let is_same = |earlier: &&Told<'_>| {
            earlier.recorded.is_some_and(|one| one.request == recorded.request)
        };
        let Some(earlier) = steps[..index].iter().find(is_same) else {
            text += &exchange(recorded);
            continue;
        };
        put!(text, "The same request as in step {}", earlier.number);
        if earlier.recorded.is_some_and(|one| one.response == recorded.response) {
            text += ", and the same answer.\n\n";
        } else {
            put!(text, ".\n\n{}\n", step::response(&recorded.response));
        }
    }
    text
}

fn heading(told: &Told<'_>) -> String {
    format!("### {}. {}\n\n", told.number, told.title())
}

pub(super) fn exchange(recorded: &RecordedStep) -> String {
    format!("{}\n{}\n", step::request(&recorded.request), step::response(&recorded.response))
}

fn recorded(page: &Page<'_>) -> String {
    let mut text = "## Where this was seen\n\n".to_owned();
    for case in &page.cases {
        match case.path {
            Some(path) => put!(text, "- the emulated tenant: {}\n", code(path)),
            None => text += "- nowhere yet: it has not been recorded\n",
        }
        for (target, path, _) in &case.exceptions {
            put!(text, "- {}, which differs: {}\n", code(target), code(path));
        }
    }
    text
}

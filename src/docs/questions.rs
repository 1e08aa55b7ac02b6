//! "What happens if …": the scenarios grouped by the question that a reader comes with, each with the answer that was
//! seen. The model is the user who is already enrolled.

use super::{
    Catalogue, Page, given,
    markdown::{code, link, plain, relative, table},
    scenario::exchange,
    step::{Told, answer, endpoint, refusal},
};

/// The folder of these pages.
pub(super) const FOLDER: &str = "what-if";

/// The tag of scenarios that no question is asked about, and that are worth one.
const EDGE_CASE: &str = "edge-case";

/// A question, and the requirements that the answers prove.
struct Question {
    name: &'static str,
    text: &'static str,
    /// What an error or its description has that answers it, where a scenario is refused for more than one reason.
    words: &'static [&'static str],
    requirements: &'static [&'static str],
}

const QUESTIONS: &[Question] = &[
    Question {
        name: "already-enrolled",
        text: "the user is already enrolled",
        words: &["already enrolled"],
        requirements: &["ASSOC-07", "ASSOC-08", "ASSOC-10"],
    },
    Question {
        name: "not-enrolled",
        text: "the user is not enrolled",
        words: &[],
        requirements: &["CHAL-10", "VERIFY-21", "AUTHN-02", "AUD-04", "RECOV-06"],
    },
    Question {
        name: "not-confirmed",
        text: "an enrolment was never confirmed, or is begun again",
        words: &[],
        requirements: &["ASSOC-13", "ASSOC-31", "CHAL-17", "AUTHN-10"],
    },
    Question {
        name: "wrong-code",
        text: "a code is wrong",
        words: &[],
        requirements: &["VERIFY-04", "VERIFY-05", "VERIFY-06", "RECOV-05"],
    },
    Question {
        name: "too-many",
        text: "there were too many: codes, messages, logins, requests",
        words: &["too_many", "Too many", "slow_down"],
        requirements: &[
            "LIMIT-03",
            "LIMIT-04",
            "LIMIT-05",
            "LIMIT-06",
            "LIMIT-08",
            "LIMIT-09",
            "LIMIT-10",
            "LIMIT-11",
            "LIMIT-12",
            "LIMIT-13",
            "LIMIT-14",
            "LIMIT-16",
            "VERIFY-20",
        ],
    },
    Question {
        name: "used-twice",
        text: "something is used twice",
        words: &[],
        requirements: &["VERIFY-07", "VERIFY-17", "RECOV-03", "AUTH-02"],
    },
    Question {
        name: "too-old",
        text: "a token or a code is too old",
        words: &["expired"],
        requirements: &[
            "LIMIT-01",
            "LIMIT-02",
            "VERIFY-10",
            "VERIFY-11",
            "CHAL-13",
            "ASSOC-19",
            "ASSOC-35",
            "AUD-09",
        ],
    },
    Question {
        name: "missing-parameter",
        text: "a parameter is missing, or is `null`",
        words: &["Missing required parameter"],
        requirements: &[
            "TOKEN-12",
            "TOKEN-14",
            "TOKEN-16",
            "ASSOC-05",
            "ASSOC-21",
            "ASSOC-22",
            "ASSOC-26",
            "CHAL-07",
            "CHAL-14",
            "VERIFY-12",
            "VERIFY-13",
            "VERIFY-14",
            "REFRESH-04",
        ],
    },
    Question {
        name: "malformed",
        text: "a token, a code or a number is malformed",
        words: &["Malformed", "malformed", "invalid"],
        requirements: &[
            "ASSOC-17",
            "ASSOC-27",
            "AUTHN-15",
            "CHAL-12",
            "VERIFY-08",
            "VERIFY-09",
            "MGMT-18",
        ],
    },
    Question {
        name: "somebody-elses",
        text: "an id, a code or a token is somebody else's",
        words: &[],
        requirements: &["CHAL-15", "CHAL-18", "AUTHN-21", "VERIFY-15", "VERIFY-16", "ASSOC-18"],
    },
    Question {
        name: "switched-off",
        text: "a factor is switched off, or a grant is not allowed",
        words: &["unsupported_challenge_type", "unauthorized_client"],
        requirements: &[
            "ASSOC-14",
            "ASSOC-20",
            "AUTHN-12",
            "CHAL-11",
            "CLIENT-04",
            "CLIENT-05",
            "RECOV-07",
        ],
    },
    Question {
        name: "push-refused",
        text: "the user refuses a push, or does not answer it",
        words: &[],
        requirements: &["VERIFY-18", "VERIFY-19"],
    },
    Question {
        name: "lost-device",
        text: "the device is lost, or the last factor removed",
        words: &[],
        requirements: &["RECOV-01", "RECOV-02", "AUTHN-28", "MGMT-07", "MGMT-08"],
    },
    Question {
        name: "policy",
        text: "an Action decides",
        words: &["access_denied", "required"],
        requirements: &[
            "TOKEN-21",
            "TOKEN-22",
            "MFAREQ-09",
            "MFAREQ-11",
            "POLICY-02",
            "POLICY-03",
            "POLICY-04",
            "POLICY-05",
        ],
    },
];

/// What is left.
const OTHERS: Question = Question {
    name: "anything-else",
    text: "something else is unusual",
    words: &[],
    requirements: &[],
};

/// A question with the scenarios that answer it.
struct Answered<'a> {
    question: &'static Question,
    pages: Vec<&'a Page<'a>>,
}

impl Answered<'_> {
    fn path(&self) -> String {
        format!("{FOLDER}/{}.md", self.question.name)
    }
}

/// The titles and the paths of the pages of questions, in their order.
pub(super) fn contents(catalogue: &Catalogue<'_>) -> Vec<(String, String)> {
    let answered = answered(catalogue);
    answered.iter().map(|one| (format!("… {}?", one.question.text), one.path())).collect()
}

/// The paths and the texts of all pages.
pub(super) fn pages(catalogue: &Catalogue<'_>) -> Vec<(String, String)> {
    let answered = answered(catalogue);
    let mut pages = vec![(format!("{FOLDER}/README.md"), index(&answered))];
    pages.extend(answered.iter().map(|one| (one.path(), page(one))));
    pages
}

/// A scenario answers each question that it proves something about; an edge case that answers none is left.
fn answered<'a>(catalogue: &'a Catalogue<'a>) -> Vec<Answered<'a>> {
    let proves = |page: &Page<'_>, question: &Question| {
        let mut covers = page.cases.iter().flat_map(|case| &case.scenario.covers);
        covers.any(|covered| question.requirements.contains(&covered.value.as_str()))
    };
    let of = |question: &'static Question| {
        let pages = catalogue.pages.iter().filter(|page| proves(page, question));
        Answered { question, pages: pages.collect() }
    };
    let is_left = |page: &&Page<'_>| {
        page.has_tag(EDGE_CASE) && !QUESTIONS.iter().any(|question| proves(page, question))
    };
    let left = catalogue.pages.iter().filter(is_left).collect();
    let mut answered: Vec<_> = QUESTIONS.iter().map(of).collect();
    answered.push(Answered { question: &OTHERS, pages: left });
    answered.retain(|one| !one.pages.is_empty());
    answered
}

fn index(answered: &[Answered<'_>]) -> String {
    let mut text = "# What happens if …\n\nThe questions that an application's author comes with, and what was seen to \
                    happen.\n\n"
        .to_owned();
    for one in answered {
        let target = relative(FOLDER, &one.path());
        let count = match one.pages.len() {
            1 => "1 scenario".to_owned(),
            count => format!("{count} scenarios"),
        };
        put!(text, "- {} ({count})\n", link(&format!("… {}?", one.question.text), &target));
    }
    text
}

fn page(one: &Answered<'_>) -> String {
    let mut text = format!("# What happens if {}?\n\n", one.question.text);
    let rows = one.pages.iter().map(|page| {
        let decisive = decisive(page, one.question);
        let (request, came) = decisive.and_then(|told| told.recorded).map_or_else(
            || (String::new(), "not recorded".to_owned()),
            |recorded| (code(&endpoint(&recorded.request)), answer(&recorded.response)),
        );
        vec![link(&page.title(), &page.from(FOLDER)), request, came]
    });
    text += &table(&["what was tried", "the request that decides", "the answer"], rows);
    for page in &one.pages {
        put!(text, "\n## {}\n\n", page.title());
        put!(text, "{}: ", link("The whole scenario", &page.from(FOLDER)));
        put!(text, "{}\n\n", given::words(&page.first().given).join(" "));
        if let Some(summary) = &page.first().summary {
            put!(text, "{}\n\n", plain(summary));
        }
        if let Some((told, recorded)) =
            decisive(page, one.question).and_then(|told| Some((told, told.recorded?)))
        {
            put!(text, "Step {}, {}:\n\n{}", told.number, told.title(), exchange(recorded));
        }
    }
    text
}

/// The step that answers the question: the last that was refused for its reason, or for any but the `mfa_required` that
/// begins every flow and the wait for a push; else the last that gave
/// something, and not only told it.
fn decisive<'a>(page: &'a Page<'a>, question: &Question) -> Option<&'a Told<'a>> {
    let is_asked = |told: &&Told<'_>| !told.is_cleanup && told.recorded.is_some();
    let steps = page.cases[0].steps.iter().rev().filter(is_asked);
    let refused = |told: &Told<'a>| {
        let response = &told.recorded?.response;
        refusal(response).filter(|_| response.status >= 400)
    };
    let has_word = |told: &&Told<'a>| {
        let (error, description) = refused(told).unwrap_or_default();
        let has =
            |word: &&str| error.contains(word) || description.unwrap_or_default().contains(word);
        question.words.iter().any(has)
    };
    let is_refused = |told: &&Told<'a>| {
        let error = refused(told).map(|(error, _)| error);
        error.is_some_and(|error| !matches!(error, "mfa_required" | "authorization_pending"))
    };
    let gives = |told: &&Told<'_>| {
        told.recorded.is_some_and(|recorded| recorded.response.status < 400)
            && !matches!(told.step.verb, "list" | "userinfo")
    };
    let mut found = steps.clone().find(has_word);
    found = found.or_else(|| steps.clone().find(is_refused));
    found = found.or_else(|| steps.clone().find(gives));
    found.or_else(|| steps.clone().next())
}

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
    requirements: &'static [&'static str],
}

const QUESTIONS: &[Question] = &[
    Question {
        name: "already-enrolled",
        text: "the user is already enrolled",
        requirements: &["ASSOC-07", "ASSOC-08", "ASSOC-10", "POLICY-05"],
    },
    Question {
        name: "not-enrolled",
        text: "the user is not enrolled",
        requirements: &["CHAL-10", "VERIFY-21", "AUTHN-02", "AUD-04", "RECOV-06"],
    },
    Question {
        name: "not-confirmed",
        text: "an enrolment was never confirmed, or is begun again",
        requirements: &["ASSOC-13", "ASSOC-31", "CHAL-17", "AUTHN-10"],
    },
    Question {
        name: "wrong-code",
        text: "a code is wrong",
        requirements: &["VERIFY-04", "VERIFY-05", "VERIFY-06", "RECOV-05"],
    },
    Question {
        name: "too-many",
        text: "there were too many: codes, messages, logins, requests",
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
        requirements: &["VERIFY-07", "VERIFY-17", "RECOV-03", "AUTH-02"],
    },
    Question {
        name: "too-old",
        text: "a token or a code is too old",
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
        requirements: &["CHAL-15", "CHAL-18", "AUTHN-21", "VERIFY-15", "VERIFY-16", "ASSOC-18"],
    },
    Question {
        name: "switched-off",
        text: "a factor is switched off, or a grant is not allowed",
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
        requirements: &["VERIFY-18", "VERIFY-19"],
    },
    Question {
        name: "lost-device",
        text: "the device is lost, or the last factor removed",
        requirements: &["RECOV-01", "RECOV-02", "AUTHN-28", "MGMT-07", "MGMT-08"],
    },
    Question {
        name: "policy",
        text: "an Action decides",
        requirements: &[
            "TOKEN-21",
            "TOKEN-22",
            "MFAREQ-09",
            "MFAREQ-11",
            "POLICY-02",
            "POLICY-03",
            "POLICY-04",
        ],
    },
];

/// What is left.
const OTHERS: Question =
    Question { name: "anything-else", text: "something else is unusual", requirements: &[] };

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
        text += &format!("- {} ({count})\n", link(&format!("… {}?", one.question.text), &target));
    }
    text
}

fn page(one: &Answered<'_>) -> String {
    let mut text = format!("# What happens if {}?\n\n", one.question.text);
    let rows = one.pages.iter().map(|page| {
        let decisive = decisive(page);
        let (request, came) = decisive.and_then(|told| told.recorded).map_or_else(
            || (String::new(), "not recorded".to_owned()),
            |recorded| (code(&endpoint(&recorded.request)), answer(&recorded.response)),
        );
        vec![link(&page.title(), &page.from(FOLDER)), request, came]
    });
    text += &table(&["what was tried", "the request that decides", "the answer"], rows);
    for page in &one.pages {
        text += &format!("\n## {}\n\n", page.title());
        text += &format!("{}: ", link("The whole scenario", &page.from(FOLDER)));
        text += &format!("{}\n\n", given::words(&page.first().given).join(" "));
        if let Some(summary) = &page.first().summary {
            text += &format!("{}\n\n", plain(summary));
        }
        if let Some((told, recorded)) = decisive(page).and_then(|told| Some((told, told.recorded?)))
        {
            text += &format!("Step {}, {}:\n\n{}", told.number, told.title(), exchange(recorded));
        }
    }
    text
}

/// The step that answers the question: the first that was refused, but for the `mfa_required` that begins every flow;
/// else the last one.
fn decisive<'a>(page: &'a Page<'a>) -> Option<&'a Told<'a>> {
    let steps =
        page.cases[0].steps.iter().filter(|told| !told.is_cleanup && told.recorded.is_some());
    let is_refused = |told: &&Told<'_>| {
        let response = told.recorded.map(|recorded| &recorded.response);
        response.is_some_and(|response| {
            let error = refusal(response).map(|(error, _)| error);
            response.status >= 400
                && !matches!(error, Some("mfa_required" | "authorization_pending"))
        })
    };
    steps.clone().find(is_refused).or_else(|| steps.clone().last())
}

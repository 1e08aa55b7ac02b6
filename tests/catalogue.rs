//! Every shipped scenario as tests of its own: on the emulator without a server, on the emulator over HTTP, and
//! played back. All are held against the one snapshot in the tree, so all give the same exchanges.
#![expect(clippy::disallowed_methods, reason = "the catalogue is read from the tree")]

mod shipped;

use std::{path::PathBuf, sync::Arc};

use countersign::{
    event::{Event, Verdict, wire::Line},
    plan::{self, Recorded},
    report::{Human, Reporter},
    run::{self, Options},
    scenario::Scenario,
    snapshot::{Store, Update},
    source::{Sources, Style},
    target::{Emulated, Replay, Target},
};
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::sync::watch;

#[derive(Clone, Copy)]
enum Way {
    Core,
    Wiremock,
    Replay,
}

impl Way {
    const ALL: [(&'static str, Self); 3] =
        [("core", Self::Core), ("wiremock", Self::Wiremock), ("replay", Self::Replay)];

    /// Why a scenario cannot be run this way. It needs no server to say so.
    fn skip(self, scenario: &Scenario) -> Option<String> {
        match self {
            Self::Core | Self::Wiremock => Emulated::without_server().skip(scenario),
            Self::Replay => Replay.skip(scenario),
        }
    }

    async fn target(self) -> Box<dyn Target> {
        match self {
            Self::Core => Box::new(Emulated::without_server()),
            Self::Wiremock => Box::new(Emulated::start().await.expect("a port is free")),
            Self::Replay => Box::new(Replay),
        }
    }
}

fn main() {
    let arguments = Arguments::from_args();
    let (scenarios, sources) = shipped::scenarios(&shipped::files());
    let store = Store::new(PathBuf::from("snapshots"));
    let ids = scenarios.iter().map(|scenario| scenario.id.clone()).collect::<Vec<_>>();
    let mut trials = vec![Trial::test("snapshots/none-is-unused", {
        let store = store.clone();
        move || {
            let unused = store.unused(&ids.iter().map(String::as_str).collect());
            if unused.is_empty() { Ok(()) } else { Err(format!("{unused:?}").into()) }
        }
    })];
    for scenario in &scenarios {
        for (word, way) in Way::ALL {
            let name = format!("{word}::{}", scenario.id);
            let skip = way.skip(scenario);
            let (scenario, sources) = (Arc::clone(scenario), Arc::clone(&sources));
            let store = store.clone();
            let trial = Trial::test(name, move || test(way, scenario, &sources, store));
            trials.push(match skip {
                Some(reason) => trial.with_kind(reason).with_ignored_flag(true),
                None => trial,
            });
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn test(
    way: Way,
    scenario: Arc<Scenario>,
    sources: &Arc<Sources>,
    store: Store,
) -> Result<(), Failed> {
    let text = store.read(&scenario.id)?.ok_or("there is no snapshot")?;
    let path = store.path(&scenario.id).display().to_string();
    let recorded = Recorded { path: path.into(), text: text.into() };
    let cases = plan::build(vec![(scenario, Some(recorded))], 1, &|_| None);
    let options = Options {
        jobs: 1,
        retries: 0,
        max_fail: None,
        no_skip: false,
        part: plan::Part::default(),
        seed: 1,
        store,
        update: Update::No,
    };
    let mut text = Vec::new();
    let mut verdicts = Vec::new();
    let mut report = Human::new(&mut text, Style::default());
    let mut emit = |event: Event| {
        if let Event::CaseFinished(finished) = &event {
            verdicts.push(finished.verdict.clone());
        }
        let line = Line::of(event, sources, Style::default());
        report.line(&line).expect("memory can be written");
    };
    let (_sender, interrupt) = watch::channel(false);
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let target = way.target().await;
        run::execute(cases, &*target, &options, interrupt, &mut emit).await
    });
    drop(report);
    if verdicts == [Verdict::Passed] {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&text).into_owned().into())
    }
}

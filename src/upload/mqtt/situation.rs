//! How the box and its cameras are, as those upstream watch it.

use std::sync::Arc;

use serde_json::json;

use crate::health::{Report, State};

/// How the box is at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Situation {
    /// How the box is as a whole.
    pub overall: State,
    /// `None` until it is known which cameras there are.
    pub cameras: Option<Vec<Camera>>,
    /// What health says of every component.
    pub reports: Vec<Report>,
}

/// How a camera is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Camera {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// `online`, `offline`, `error` or `unknown`, or `off` when it is switched off.
    pub state: &'static str,
}

/// Looks how the box is.
pub type Look = Arc<dyn Fn() -> Situation + Send + Sync>;

impl Situation {
    /// The state of the box, and the components that are not healthy, as JSON.
    pub(super) fn health(&self) -> String {
        let problems = self.ill().into_iter().map(|it| {
            json!({
                "component": it.component,
                "state": it.state.as_str(),
                "message": it.message,
                "next_step": it.next_step,
            })
        });
        json!({ "state": self.overall.as_str(), "problems": problems.collect::<Vec<_>>() })
            .to_string()
    }

    /// What of health is worth another message; words alone are not.
    pub(super) fn pulse(&self) -> Vec<(String, State)> {
        self.ill().into_iter().map(|it| (it.component.clone(), it.state)).collect()
    }

    fn ill(&self) -> Vec<&Report> {
        self.reports.iter().filter(|it| it.state != State::Healthy).collect()
    }
}

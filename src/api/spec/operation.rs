//! What a route does, for whoever calls it: the part of OpenAPI that cannot be
//! read from the code.

use hyper::Method;
use schemars::JsonSchema;

use crate::api::wire::schema::{self, SchemaOf};

/// One route, described.
pub(super) struct Operation {
    pub(super) method: Method,
    pub(super) pattern: &'static str,
    pub(super) summary: &'static str,
    pub(super) query: &'static [&'static [QueryParameter]],
    pub(super) body: Option<SchemaOf>,
    /// Whether it must be there.
    pub(super) needs_body: bool,
    pub(super) answers: Vec<Answer>,
    /// Errors that other routes do not have.
    pub(super) errors: &'static [u16],
}

/// A parameter of the query.
pub(super) struct QueryParameter {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) about: &'static str,
}

/// What a parameter may be.
pub(super) enum Kind {
    Text,
    Time,
    Flag,
    /// A share, 0 to 1.
    Fraction,
    /// A number from the first to the second.
    Number(u64, u64),
    OneOf(&'static [&'static str]),
}

/// An answer that is no error.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    /// Absent for what holds no JSON.
    pub(super) schema: Option<SchemaOf>,
    pub(super) about: &'static str,
}

impl Operation {
    pub(super) fn get(pattern: &'static str, summary: &'static str) -> Self {
        Self::new(Method::GET, pattern, summary)
    }

    pub(super) fn patch(pattern: &'static str, summary: &'static str) -> Self {
        Self::new(Method::PATCH, pattern, summary)
    }

    pub(super) fn post(pattern: &'static str, summary: &'static str) -> Self {
        Self::new(Method::POST, pattern, summary)
    }

    pub(super) fn put(pattern: &'static str, summary: &'static str) -> Self {
        Self::new(Method::PUT, pattern, summary)
    }

    pub(super) fn delete(pattern: &'static str, summary: &'static str) -> Self {
        Self::new(Method::DELETE, pattern, summary)
    }

    fn new(method: Method, pattern: &'static str, summary: &'static str) -> Self {
        Self {
            method,
            pattern,
            summary,
            query: &[],
            body: None,
            needs_body: false,
            answers: Vec::new(),
            errors: &[],
        }
    }

    /// Takes these groups of parameters.
    pub(super) fn query(self, query: &'static [&'static [QueryParameter]]) -> Self {
        Self { query, ..self }
    }

    /// Can fail with these statuses too.
    pub(super) fn errors(self, errors: &'static [u16]) -> Self {
        Self { errors, ..self }
    }

    pub(super) fn body<T: JsonSchema>(self) -> Self {
        Self { needs_body: true, ..self.optional_body::<T>() }
    }

    /// A body that may be left out.
    pub(super) fn optional_body<T: JsonSchema>(self) -> Self {
        Self { body: Some(schema::of::<T>()), ..self }
    }

    /// Answers 200 with JSON.
    pub(super) fn json<T: JsonSchema>(self) -> Self {
        self.json_with::<T>(200, "As asked.")
    }

    /// Answers with JSON.
    pub(super) fn json_with<T: JsonSchema>(self, status: u16, about: &'static str) -> Self {
        let schema = Some(schema::of::<T>());
        self.answer(Answer { status, content_type: "application/json", schema, about })
    }

    /// Answers 200 with a stream of events whose data is JSON.
    pub(super) fn stream<T: JsonSchema>(self, about: &'static str) -> Self {
        let schema = Some(schema::of::<T>());
        self.answer(Answer { status: 200, content_type: "text/event-stream", schema, about })
    }

    /// Answers 200 with something else.
    pub(super) fn other(self, content_type: &'static str, about: &'static str) -> Self {
        self.answer(Answer { status: 200, content_type, schema: None, about })
    }

    /// Answers 204.
    pub(super) fn nothing(self, about: &'static str) -> Self {
        self.answer(Answer { status: 204, content_type: "", schema: None, about })
    }

    /// Answers 101 and goes on as a WebSocket.
    pub(super) fn websocket(self) -> Self {
        let about = "Goes on as a WebSocket; /api/asyncapi.json describes its messages.";
        self.answer(Answer { status: 101, content_type: "", schema: None, about })
    }

    pub(super) fn answer(mut self, answer: Answer) -> Self {
        self.answers.push(answer);
        self
    }
}

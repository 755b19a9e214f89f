//! A key of a definition: settled by the file, or left open with what it may be and why nothing decides.

/// A value in TOML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer(pub(super) String);

impl Answer {
    pub(super) fn text(text: &str) -> Self {
        Self(super::quoted(text))
    }

    pub(super) fn list(items: &[&str]) -> Self {
        let items: Vec<String> = items.iter().map(|item| super::quoted(item)).collect();
        Self(format!("[{}]", items.join(", ")))
    }
}

/// One key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    key: &'static str,
    answers: Vec<Answer>,
    /// Whether the first answer holds until somebody says otherwise.
    by_default: bool,
    /// What is said beside it.
    why: Option<String>,
    /// Whether somebody has to decide.
    is_open: bool,
}

impl Question {
    /// The file says it.
    pub(super) fn settled(key: &'static str, answer: Answer) -> Self {
        Self { key, answers: vec![answer], by_default: true, why: None, is_open: false }
    }

    /// The file says it, in a way that the reader of the definition wants to know.
    pub(super) fn noted(key: &'static str, answer: Answer, why: &str) -> Self {
        Self { why: Some(why.to_owned()), ..Self::settled(key, answer) }
    }

    /// The answer holds until somebody says otherwise, and somebody should look.
    pub(super) fn doubted(key: &'static str, answer: Answer, why: &str) -> Self {
        Self { is_open: true, ..Self::noted(key, answer, why) }
    }

    /// Nothing to say.
    pub(super) fn moot(key: &'static str) -> Self {
        Self { key, answers: Vec::new(), by_default: false, why: None, is_open: false }
    }

    /// Settled when there is one answer, open when there are several.
    pub(super) fn of(key: &'static str, answers: Vec<Answer>, why: &str) -> Self {
        let why = (answers.len() > 1).then(|| why.to_owned());
        Self { key, by_default: why.is_none(), answers, is_open: why.is_some(), why }
    }

    /// The first answer is taken, the others are named beside it if there are any.
    pub(super) fn with_default(key: &'static str, answers: Vec<Answer>, why: &str) -> Self {
        let why = (answers.len() > 1).then(|| why.to_owned());
        Self { key, answers, by_default: true, is_open: why.is_some(), why }
    }

    /// Only suggestions.
    pub(super) fn suggested(key: &'static str, answers: Vec<Answer>, why: &str) -> Self {
        Self { key, answers, by_default: false, why: Some(why.to_owned()), is_open: true }
    }

    /// What is open, if it is.
    pub(super) fn open(&self) -> Option<String> {
        self.why.as_ref().filter(|_| self.is_open).map(|why| format!("{}: {why}", self.key))
    }

    pub(super) fn to_toml(&self) -> String {
        let mut text = self.why.as_ref().map(|why| format!("# {}: {why}\n", self.key)).unwrap_or_default();
        for (number, Answer(answer)) in self.answers.iter().enumerate() {
            let comment = if number == 0 && self.by_default { "" } else { "# " };
            text.push_str(&format!("{comment}{} = {answer}\n", self.key));
        }
        text
    }
}

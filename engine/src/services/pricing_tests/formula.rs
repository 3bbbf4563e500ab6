//! The formulas of worked examples. Knows nothing of services.

/// A formula: `+ - * /`, parentheses, `ceil`, `max`, `min`, numbers and names.
pub(super) struct Formula<'a> {
    text: &'a [u8],
    at: usize,
    names: &'a dyn Fn(&str) -> f64,
    /// The meter that rounds `ceil(a/b)` of two names.
    ceil: &'a dyn Fn(f64, f64) -> f64,
}

impl Formula<'_> {
    fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }
    fn sum(&mut self) -> f64 {
        let mut value = self.product();
        while matches!(self.peek(), b'+' | b'-') {
            let minus = self.peek() == b'-';
            self.at += 1;
            let next = self.product();
            value += if minus { -next } else { next };
        }
        value
    }
    fn product(&mut self) -> f64 {
        let mut value = self.factor();
        while matches!(self.peek(), b'*' | b'/') {
            let divides = self.peek() == b'/';
            self.at += 1;
            let next = self.factor();
            value = if divides { value / next } else { value * next };
        }
        value
    }
    fn word(&mut self) -> String {
        let from = self.at;
        while self.peek().is_ascii_alphanumeric() || matches!(self.peek(), b'_' | b'.') {
            self.at += 1;
        }
        String::from_utf8(self.text[from..self.at].to_vec()).unwrap()
    }
    fn factor(&mut self) -> f64 {
        if self.peek() == b'(' {
            self.at += 1;
            let value = self.sum();
            self.at += 1;
            return value;
        }
        let word = self.word();
        assert!(!word.is_empty(), "{}", String::from_utf8_lossy(self.text));
        if word == "ceil" {
            return self.rounded();
        }
        if self.peek() == b'(' {
            self.at += 1;
            let mut value = self.sum();
            while self.peek() == b',' {
                self.at += 1;
                let other = self.sum();
                value = if word == "max" {
                    value.max(other)
                } else {
                    value.min(other)
                };
            }
            self.at += 1;
            return value;
        }
        word.parse().unwrap_or_else(|_| (self.names)(&word))
    }
    /// After `ceil`: of two names through the meter, else as it is.
    fn rounded(&mut self) -> f64 {
        self.at += 1;
        let from = self.at;
        let first = self.word();
        if !first.is_empty() && self.peek() == b'/' {
            self.at += 1;
            let second = self.word();
            if !second.is_empty() && self.peek() == b')' {
                self.at += 1;
                return (self.ceil)((self.names)(&first), (self.names)(&second));
            }
        }
        self.at = from;
        let value = self.sum();
        self.at += 1;
        value.ceil()
    }
}

/// The value of `formula`; `names` gives what a name stands for, `ceil` rounds `ceil(a/b)` of two names.
pub(super) fn evaluate(
    formula: &str,
    names: &dyn Fn(&str) -> f64,
    ceil: &dyn Fn(f64, f64) -> f64,
) -> f64 {
    let text: Vec<u8> = formula.bytes().filter(|b| *b != b' ').collect();
    let mut formula = Formula {
        text: &text,
        at: 0,
        names,
        ceil,
    };
    let value = formula.sum();
    assert_eq!(formula.at, text.len());
    value
}

//! The window as a whole.

use super::person::Person;

#[test]
fn a_template_opens() {
    let person = Person::opens(Some("weekend-transactions"));
    assert_eq!(person.document().nodes.len(), 9);
    assert!(person.designer().undo_names().is_empty());
}

//! The designer driven as a person does: by pointer and keyboard, finding things by what they are called.

mod acceptance;
mod basics;
mod canvas;
mod checks;
mod clerk;
mod dialogs;
mod files;
mod gestures;
mod inspector;
mod keyboard;
mod person;
mod running;
mod story;
mod study;

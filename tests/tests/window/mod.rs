//! The designer driven as a person does: by pointer and keyboard, finding things by what they are called.

mod basics;
mod canvas;
mod files;
mod inspector;
mod person;
mod running;
mod story;
mod study;

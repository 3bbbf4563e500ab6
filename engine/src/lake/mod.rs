//! stub
#[derive(Debug, Clone)]
pub struct Lake;
#[derive(Debug, Clone)]
pub struct SqlEngine;
#[derive(Debug)]
pub struct Staged;

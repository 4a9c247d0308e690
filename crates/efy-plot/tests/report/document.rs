//! An HTML document, parsed by the rules of the standard.

use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};

/// The elements of a page in their order.
pub(crate) struct Document {
    pub(crate) elements: Vec<Element>,
}

/// An element with all text inside of it.
#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) text: String,
}

impl Element {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn has_class(&self, class: &str) -> bool {
        let classes = self.attribute("class").unwrap_or_default();
        classes.split(' ').any(|other| other == class)
    }
}

impl Document {
    /// Parses a page, which has to be without any error.
    pub(crate) fn parse(page: &str) -> Self {
        let dom = parse_document(RcDom::default(), ParseOpts::default()).one(page);
        assert_eq!(dom.errors.borrow().len(), 0, "{:?}", dom.errors.borrow());
        let mut elements = Vec::new();
        visit(&dom.document, &mut elements);
        Document { elements }
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.elements
            .iter()
            .filter(move |element| element.name == name)
    }

    /// The text of every element of this name.
    pub(crate) fn texts<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        self.all(name).map(|element| element.text.trim()).collect()
    }

    /// The cells of the table row that begins with `head`.
    pub(crate) fn row(&self, head: &str) -> Vec<&str> {
        let at = self
            .elements
            .iter()
            .position(|element| element.name == "th" && element.text.trim() == head);
        let rest = &self.elements[at.unwrap() + 1..];
        let row = rest.iter().take_while(|element| element.name != "tr");
        row.filter(|element| element.name == "td")
            .map(|element| element.text.trim())
            .collect()
    }

    /// The text of the whole page.
    pub(crate) fn text(&self) -> &str {
        &self.all("body").next().unwrap().text
    }
}

fn visit(node: &Handle, elements: &mut Vec<Element>) -> String {
    match &node.data {
        NodeData::Text { contents } => contents.borrow().to_string(),
        NodeData::Element { name, attrs, .. } => {
            let attribute = |attribute: &html5ever::Attribute| {
                (
                    attribute.name.local.to_string(),
                    attribute.value.to_string(),
                )
            };
            let at = elements.len();
            elements.push(Element {
                name: name.local.to_string(),
                attributes: attrs.borrow().iter().map(attribute).collect(),
                text: String::new(),
            });
            let text = inside(node, elements);
            elements[at].text.clone_from(&text);
            text
        }
        _ => inside(node, elements),
    }
}

fn inside(node: &Handle, elements: &mut Vec<Element>) -> String {
    let children = node.children.borrow();
    children
        .iter()
        .map(|child| visit(child, elements))
        .collect()
}

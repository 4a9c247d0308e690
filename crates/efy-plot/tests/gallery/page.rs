//! Where things are on a page, read from its SVG document.

use std::sync::Arc;

use resvg::usvg::{Group, Node, Options, Paint, Rect, Tree, fontdb, tiny_skia_path::PathSegment};

/// The colour of axes and text.
const INK: (u8, u8, u8) = (0x26, 0x26, 0x26);

/// A page with the boxes around what is on it, in pixels of 1/96 inch.
pub struct Page {
    size: (f64, f64),
    /// Texts with the boxes around their glyphs.
    pub texts: Vec<(String, Rect)>,
    /// The boxes around everything else, without strokes.
    pub shapes: Vec<Rect>,
    /// The pieces of axes and their ticks, and of the whiskers of error bars.
    pub axes: Vec<Rect>,
}

impl Page {
    pub fn read(svg: &str) -> Self {
        let mut fonts = fontdb::Database::new();
        for weight in ["Regular", "SemiBold"] {
            let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/fonts");
            fonts
                .load_font_file(format!("{root}/Inter-{weight}.ttf"))
                .unwrap();
        }
        let options = Options {
            fontdb: Arc::new(fonts),
            ..Options::default()
        };
        let tree = Tree::from_str(svg, &options).unwrap();
        let size = tree.size();
        let mut page = Page {
            size: (f64::from(size.width()), f64::from(size.height())),
            texts: Vec::new(),
            shapes: Vec::new(),
            axes: Vec::new(),
        };
        page.add(tree.root());
        page
    }

    fn add(&mut self, group: &Group) {
        for node in group.children() {
            match node {
                Node::Group(group) => self.add(group),
                Node::Text(text) => {
                    let chunks = text.chunks().iter().map(|chunk| chunk.text());
                    self.texts.push((chunks.collect(), text.abs_bounding_box()));
                }
                Node::Path(path) => {
                    self.shapes.push(path.abs_bounding_box());
                    let ink = path.stroke().is_some_and(|stroke| match stroke.paint() {
                        Paint::Color(color) => (color.red, color.green, color.blue) == INK,
                        _ => false,
                    });
                    if ink {
                        self.add_lines(path);
                    }
                }
                Node::Image(_) => panic!("there are no images on figures"),
            }
        }
    }

    fn add_lines(&mut self, path: &resvg::usvg::Path) {
        let mut last = None;
        for segment in path.data().segments() {
            let (PathSegment::MoveTo(mut point) | PathSegment::LineTo(mut point)) = segment else {
                continue;
            };
            path.abs_transform().map_point(&mut point);
            if let (Some((x, y)), PathSegment::LineTo(_)) = (last, segment) {
                let (left, right) = (f32::min(x, point.x), f32::max(x, point.x));
                let (top, bottom) = (f32::min(y, point.y), f32::max(y, point.y));
                self.axes.extend(Rect::from_ltrb(left, top, right, bottom));
            }
            last = Some((point.x, point.y));
        }
    }

    /// The width and the height in print.
    pub fn millimetres(&self) -> (f64, f64) {
        (self.size.0 / 96.0 * 25.4, self.size.1 / 96.0 * 25.4)
    }

    pub fn holds(&self, area: &Rect) -> bool {
        let (width, height) = self.size;
        area.left() >= -0.01
            && area.top() >= -0.01
            && f64::from(area.right()) <= width + 0.01
            && f64::from(area.bottom()) <= height + 0.01
    }
}

/// Whether two boxes have more than an edge in common.
pub fn overlap(a: &Rect, b: &Rect) -> bool {
    let across = a.right().min(b.right()) - a.left().max(b.left());
    let down = a.bottom().min(b.bottom()) - a.top().max(b.top());
    // A line has no height or no width of its own.
    across > -0.01 && down > -0.01 && across.max(down) > 0.01
}

// Records that hold what no log may have. They print as in Rust; `dump` would still walk over their
// fields, so these show it only what they are.

extension HttpHeader: CustomReflectable {
    /// Nothing but the name; a value may be a credential.
    public var customMirror: Mirror { Mirror(self, children: ["name": name]) }
}

extension PayloadPreview: CustomReflectable {
    /// Its size and whom it is for; neither the words nor the picture.
    public var customMirror: Mirror {
        Mirror(self, children: ["destination": destination, "bytes": body.count])
    }
}

extension CheckedPicture: CustomReflectable {
    /// Its size and side; no pixels.
    public var customMirror: Mirror {
        Mirror(self, children: ["width": width, "height": height, "side": side])
    }
}

extension NewClipReport: CustomReflectable {
    /// What it objects to; neither the words nor the picture.
    public var customMirror: Mirror { Mirror(self, children: ["category": category]) }
}

extension ClipReport: CustomReflectable {
    /// Its number and what it objects to; not the words.
    public var customMirror: Mirror { Mirror(self, children: ["id": id, "category": category]) }
}

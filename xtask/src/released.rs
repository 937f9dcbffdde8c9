/// Something that is released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Released {
    /// The crate with its default features, on desktop Linux.
    Crate,
    /// The library for Linux and other hosts of the uniffi surface.
    Library,
    Android,
    Apple,
}

impl Released {
    pub(crate) const ALL: [Self; 4] = [Self::Crate, Self::Library, Self::Android, Self::Apple];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Crate => "kinora",
            Self::Library => "kinora-library",
            Self::Android => "kinora-android",
            Self::Apple => "kinora-apple",
        }
    }

    /// The target that stands for it where one is enough.
    pub(crate) fn target(self) -> &'static str {
        match self {
            Self::Crate | Self::Library => "x86_64-unknown-linux-gnu",
            Self::Android => "aarch64-linux-android",
            Self::Apple => "aarch64-apple-ios",
        }
    }

    /// The features that it is built with, as cargo takes them. With `c2pa`: what an app makes has
    /// to be able to say so to whoever reads manifests.
    pub(crate) fn features(self) -> &'static str {
        match self {
            Self::Crate => "",
            Self::Library | Self::Android => "uniffi,c2pa",
            Self::Apple => "uniffi,c2pa,coreml",
        }
    }
}

import Kinora

extension ProgressStage {
    /// What the progress bar says.
    public var words: String {
        switch self {
        case .faces, .motion, .denoising, .frames: "Making the clip"
        case .sending: "Sending"
        case .queued: "Waiting at the provider"
        case .working: "The provider is making the clip"
        case .fetching: "Fetching the clip"
        case .done: "Done"
        }
    }
}

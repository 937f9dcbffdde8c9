import AVKit
import SwiftUI

/// Plays a clip again and again.
struct ClipPlayer: View {
    let file: URL

    @State private var player = AVQueuePlayer()
    @State private var looper: AVPlayerLooper?

    var body: some View {
        VideoPlayer(player: player)
            .task(id: file) {
                player.removeAllItems()
                looper = AVPlayerLooper(player: player, templateItem: AVPlayerItem(url: file))
                player.play()
            }
            .onDisappear { player.pause() }
    }
}

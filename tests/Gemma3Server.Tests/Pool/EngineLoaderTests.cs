using Gemma3Server.Hosting;
using Gemma3Server.Pool;

namespace Gemma3Server.Tests.Pool;

/// <summary>What a load gives up, one thing after the other.</summary>
public sealed class EngineLoaderTests
{
    [Fact]
    public void Shrink_OpenLength_DraftThenConversationsThenLength() => Assert.Equal(
        ["draft 4x0", "4x0", "2x0", "1x0", "1x4096", "1x2048", "1x1024"], Steps(new() { Parallel = 4 }, "draft.gguf"));

    [Fact]
    public void Shrink_LengthWasAskedFor_ConversationsOnly() => Assert.Equal(
        ["5x16384", "2x16384", "1x16384"], Steps(new() { Parallel = 5, ContextLength = 16_384 }, null));

    [Fact]
    public void Shrink_AllOpen_GoesOnWithOneConversation() => Assert.Equal(["0x0", "1x0", "1x4096", "1x2048", "1x1024"], Steps(new(), null));

    private static IEnumerable<string> Steps(RuntimeSettings runtime, string? draft)
    {
        var options = new Gemma3ServerOptions { Runtime = runtime, Model = new() { DraftPath = draft } };
        for (var i = 0; EngineLoader.Shrink(options, i) is { } shrunk; i++)
            yield return $"{(shrunk.Model.DraftPath is null ? "" : "draft ")}{shrunk.Runtime.Parallel}x{shrunk.Runtime.ContextLength}";
    }
}

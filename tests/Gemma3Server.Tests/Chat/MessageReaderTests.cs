using System.Text;
using System.Text.Json;
using Gemma3Server.Api;
using Gemma3Server.Chat;

namespace Gemma3Server.Tests.Chat;

public sealed class MessageReaderTests
{
    private const string Part = """{"type":"text","text":"a"}""";
    private const string Message = """{"role":"user","content":"a"}""";

    /// <summary>Takes milliseconds; found by index instead of by enumeration, the parts take many times the limit.</summary>
    [Fact(Timeout = 10_000)]
    public async Task TryRead_MostParts_AreRead()
    {
        // One message more is what the parts stand in. Off the test's thread, so that the timeout can strike.
        var (entries, error) = await Task.Run(
            () => Read($$"""[{"role":"user","content":[{{Repeat(Part, MessageReader.MaxMessagesAndParts - 1)}}]}]"""),
            TestContext.Current.CancellationToken);
        Assert.Null(error);
        Assert.Equal(MessageReader.MaxMessagesAndParts - 1, Assert.Single(entries!).Parts.Count);
    }

    [Fact(Timeout = 60_000)]
    public async Task TryRead_MostMessages_AreRead()
    {
        var (entries, error) = await Task.Run(
            () => Read($"[{Repeat(Message, MessageReader.MaxMessagesAndParts)}]"), TestContext.Current.CancellationToken);
        Assert.Null(error);
        Assert.Equal(MessageReader.MaxMessagesAndParts, entries!.Count);
    }

    [Fact]
    public void TryRead_OneMessageOrPartTooMany_NamesTheBound()
    {
        const string Expected = "'messages' must have at most 100000 messages and content parts together, but has 100001.";
        var (_, messages) = Read($"[{Repeat(Message, MessageReader.MaxMessagesAndParts + 1)}]");
        var (_, parts) = Read($$"""[{"role":"user","content":[{{Repeat(Part, MessageReader.MaxMessagesAndParts)}}]}]""");
        Assert.Equal(("messages", Expected), (messages!.Param, messages.Message));
        Assert.Equal(("messages", Expected), (parts!.Param, parts.Message));
    }

    [Theory]
    [InlineData("""{"role":"assistant","content":null}""", "")]
    [InlineData("""{"role":"assistant"}""", "")]
    [InlineData("""{"role":"assistant","content":""}""", "")]
    [InlineData("""{"role":"assistant","content":null,"tool_calls":[]}""", "")]
    public void TryRead_AnswerWithoutText_IsAnEmptyText(string message, string text)
    {
        var (entries, error) = Read($"[{message}]");
        Assert.Null(error);
        Assert.Equal(text, string.Concat(Assert.Single(entries!).Parts));
    }

    private static string Repeat(string item, int count) => new StringBuilder().AppendJoin(',', Enumerable.Repeat(item, count)).ToString();

    private static (IReadOnlyList<ChatEntry>? Entries, Gemma3Server.Api.Errors.OpenAiError? Error) Read(string messages)
    {
        var request = JsonSerializer.Deserialize($$"""{"messages":{{messages}}}""", OpenAiJsonContext.Default.ChatCompletionRequest);
        MessageReader.TryRead(request!.Messages, new IgnoredParameters(), out var entries, out var error);
        return (entries, error);
    }
}

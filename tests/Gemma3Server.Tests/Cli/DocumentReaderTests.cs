using Gemma3Server.Cli;
using Gemma3Server.Cli.Perplexity;
using Gemma3Server.Engine.Evaluation;
using Gemma3Server.Testing;

namespace Gemma3Server.Tests.Cli;

public sealed class DocumentReaderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gemma3server-documents-").FullName;

    [Fact]
    public async Task Read_PlainText_IsCutIntoWindowsThatBeginWithBos()
    {
        var documents = await ReadAsync("t.txt", "abcdefghij", context: 5);

        Assert.Equal([[2, .. Bytes("abcd")], [2, .. Bytes("efgh")], [2, .. Bytes("ij")]], documents.Select(d => d.Tokens));
        Assert.Equal([4, 4, 2], documents.Select(d => d.ScoredCount));
    }

    [Fact]
    public async Task Read_Conversation_IsInTheChatTemplate()
    {
        var document = Assert.Single(await ReadAsync("c.jsonl", Line));

        Assert.Equal(
            [
                2, 105, .. Bytes("user\nBe brief.\n\nHi"), 106, .. Bytes("\n"), 105, .. Bytes("model\nHello"), 106, .. Bytes("\n"),
                105, .. Bytes("user\nBye"), 106, .. Bytes("\n"), 105, .. Bytes("model\nCiao"), 106,
            ],
            document.Tokens);
        Assert.Equal(document.Tokens.Length - 1, document.ScoredCount);
        Assert.Equal("line 1", document.Name);
    }

    [Fact]
    public async Task Read_AnswersOnly_ScoresTheAnswersAndTheirEndOfTurn()
    {
        var document = Assert.Single(await ReadAsync("c.jsonl", Line, answers: true));

        var scored = document.Tokens.Where((_, i) => document.Scored![i]);
        Assert.Equal([.. Bytes("Hello"), 106, .. Bytes("Ciao"), 106], scored);
    }

    [Fact]
    public async Task Read_BlankLinesAndOtherFields_AreSkipped()
    {
        var documents = await ReadAsync("c.JSONL", $"\n{Line}\r\n\n{Line.Replace("{\"messages\"", "{\"skill\":\"x\",\"messages\"", StringComparison.Ordinal)}\n");

        Assert.Equal(["line 2", "line 4"], documents.Select(d => d.Name));
        Assert.Equal(documents[0].Tokens, documents[1].Tokens);
    }

    [Theory]
    [InlineData("t.txt", "", false, "is empty")]
    [InlineData("c.jsonl", "\n\n", false, "is empty")]
    [InlineData("c.jsonl", "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", true, "has no assistant message to score")]
    [InlineData("c.jsonl", "\n{\"messages\":[", false, "Line 2 of")]
    [InlineData("c.jsonl", "{\"message\":[]}", false, "has no 'messages'")]
    [InlineData("c.jsonl", "{\"messages\":7}", false, "is not JSON with messages")]
    [InlineData("c.jsonl", "{\"messages\":[]}", false, "must have at least 1 message")]
    [InlineData("c.jsonl", "{\"messages\":[{\"role\":\"king\",\"content\":\"x\"}]}", false, "messages[0].role")]
    [InlineData("c.jsonl", "{\"messages\":[{\"role\":\"user\",\"content\":\"0123456789012345678901234567890123456789012345678901234567890123456789\"}]}", false,
        "has 78 tokens, and the context holds 70: give a larger --context")]
    public async Task Read_FaultyText_SaysWhereInOneLine(string name, string text, bool answers, string message)
    {
        var fault = await Assert.ThrowsAsync<CommandFault>(() => ReadAsync(name, text, answers, context: 70));

        Assert.Contains(message, fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', fault.Message);
    }

    [Fact]
    public async Task Read_InvalidUtf8_SaysSo()
    {
        await File.WriteAllBytesAsync(Path.Combine(_folder, "t.txt"), [0x61, 0xFF], TestContext.Current.CancellationToken);

        Assert.Contains("not valid UTF-8", (await Assert.ThrowsAsync<CommandFault>(() => ReadAsync("t.txt", null))).Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private const string Line = """{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"},{"role":"user","content":"Bye"},{"role":"assistant","content":"Ciao"}]}""";

    private static int[] Bytes(string text) => new FakeTokenizer().Tokenize(text);

    private async Task<List<EvaluationDocument>> ReadAsync(string name, string? text, bool answers = false, int context = 512)
    {
        var file = new FileInfo(Path.Combine(_folder, name));
        if (text is not null) await File.WriteAllTextAsync(file.FullName, text, TestContext.Current.CancellationToken);
        return await new DocumentReader(new PerplexityPlan(["m"], null, file, answers), new FakeTokenizer(), context).ReadAsync(TestContext.Current.CancellationToken);
    }
}

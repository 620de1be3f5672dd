using Gemma3Server.Chat;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.Tests.Chat;

public sealed class ChatTemplateTests
{
    private readonly FakeTokenizer _tokenizer = new();

    [Fact]
    public void Render_SystemAndTurns_FoldsSystemIntoFirstUserTurn() => Assert.Equal(
        "<bos><start_of_turn>user\nBe brief.\n\nHi<end_of_turn>\n<start_of_turn>model\nHello!<end_of_turn>\n"
        + "<start_of_turn>user\nBye<end_of_turn>\n<start_of_turn>model\n",
        ChatTemplate.Render(Create(
            (ChatRole.System, ["Be brief."]), (ChatRole.User, ["  Hi\n"]), (ChatRole.Assistant, [" Hello! "]), (ChatRole.User, ["Bye"]))));

    [Fact]
    public void Tokenize_SystemAndTurns_TellsWhereTheyEnd()
    {
        var boundaries = new List<int>();
        Assert.True(ChatTemplate.TryCreate(_tokenizer, out var template));
        var conversation = Create(
            (ChatRole.System, ["Be brief."]), (ChatRole.User, ["Hi"]), (ChatRole.Assistant, ["Hello!"]), (ChatRole.User, ["Bye"]));
        var tokens = template.Tokenize(conversation, boundaries, TestContext.Current.CancellationToken);

        // The fake has a token per byte: <bos> <start_of_turn> "user\nBe brief.\n\n", then "Hi" <end_of_turn> "\n", and so on.
        Assert.Equal([18, 22, 37, 48], boundaries);
        Assert.Equal(template.Tokenize(conversation, TestContext.Current.CancellationToken), tokens);
        Assert.Equal(FakeTokenizer.FirstByte + 'H', tokens[18]);
        Assert.Equal(FakeTokenizer.StartOfTurn, tokens[48]);
    }

    [Fact]
    public void Tokenize_OtherQuestionToTheSameSystemText_AgreesUpToTheBoundary()
    {
        Assert.True(ChatTemplate.TryCreate(_tokenizer, out var template));
        var (first, second) = (new List<int>(), new List<int>());
        var cancellation = TestContext.Current.CancellationToken;
        var left = template.Tokenize(Create((ChatRole.System, ["Be brief."]), (ChatRole.User, ["Hi"])), first, cancellation);
        var right = template.Tokenize(Create((ChatRole.System, ["Be brief."]), (ChatRole.User, ["Why?"])), second, cancellation);
        Assert.Equal(first[0], second[0]);
        Assert.Equal(first[0], left.AsSpan().CommonPrefixLength(right));
    }

    [Fact]
    public void Render_PartsOfOneMessage_AreTrimmedAndJoined() =>
        Assert.Equal("ab", Assert.Single(Create((ChatRole.User, [" a ", " b "])).Turns).Text);

    [Fact]
    public void Render_NeighboursOfOneRole_BecomeOneTurn() =>
        Assert.Equal("a\n\nb", Assert.Single(Create((ChatRole.User, ["a "]), (ChatRole.User, [" "]), (ChatRole.User, [" b"])).Turns).Text);

    [Fact]
    public void Render_LaterSystemMessage_KeepsItsPlace()
    {
        var turns = Create((ChatRole.User, ["a"]), (ChatRole.Assistant, ["b"]), (ChatRole.System, ["s"]), (ChatRole.User, ["c"])).Turns;
        Assert.Equal([new ChatTurn("user", "a"), new ChatTurn("model", "b"), new ChatTurn("user", "s\n\nc")], turns);
    }

    [Fact]
    public void Render_SeveralSystemMessages_AllStandInFront() => Assert.Equal("a\n\nb\n\nc",
        Assert.Single(Create((ChatRole.System, ["a"]), (ChatRole.System, ["b"]), (ChatRole.User, ["c"])).Turns).Text);

    [Fact]
    public void Render_OnlySystemMessages_AreTheUsersTurn() =>
        Assert.Equal([new ChatTurn("user", "a\n\nb")], Create((ChatRole.System, ["a "]), (ChatRole.System, ["b"])).Turns);

    [Fact]
    public void Render_AnswerWithoutText_IsAnEmptyTurn() => Assert.Equal(
        [new ChatTurn("user", "a"), new ChatTurn("model", ""), new ChatTurn("user", "b")],
        Create((ChatRole.User, ["a"]), (ChatRole.Assistant, []), (ChatRole.User, ["b"])).Turns);

    [Fact]
    public void TryCreate_MostNeighboursOfOneRole_JoinsThemInLinearMemory()
    {
        const int Most = MessageReader.MaxMessagesAndParts;
        var messages = Enumerable.Repeat(new ChatEntry(ChatRole.User, ["some text"]), Most).ToList();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.True(Conversation.TryCreate(messages, out var conversation, out _));
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal("some text".Length * Most + 2 * (Most - 1), Assert.Single(conversation.Turns).Text.Length);

        // Joined one by one it is 110 GB.
        Assert.InRange(allocated, 0, 100_000_000);
    }

    [Fact]
    public void LeastTokens_AnyConversation_BoundsTheTokensFromBelow()
    {
        Assert.True(ChatTemplate.TryCreate(_tokenizer, out var template));
        var conversation = Create((ChatRole.User, ["Grüße"]), (ChatRole.Assistant, [""]), (ChatRole.User, ["b"]));

        // The fake's tokens are single bytes, so that the bound is the number itself.
        Assert.Equal(template.Tokenize(conversation, TestContext.Current.CancellationToken).Length, template.LeastTokens(conversation));
    }

    [Fact]
    public void Tokenize_Cancelled_StopsBetweenTurns()
    {
        Assert.True(ChatTemplate.TryCreate(_tokenizer, out var template));
        Assert.Throws<OperationCanceledException>(() => template.Tokenize(Create((ChatRole.User, ["a"])), new CancellationToken(canceled: true)));
    }

    [Theory]
    [InlineData("\u001c\u001f\u0085\u00a0\u2029 a b \u3000", "a b")]
    [InlineData("\ufeffa\ufeff", "\ufeffa\ufeff")]
    [InlineData("\u200ba", "\u200ba")]
    [InlineData(" \n\t", "")]
    public void Strip_EdgeCharacters_AreRemovedAsPythonDoes(string text, string expected) => Assert.Equal(expected, PythonText.Strip(text));

    [Fact]
    public void Tokenize_Conversation_PutsControlTokensById()
    {
        Assert.True(ChatTemplate.TryCreate(_tokenizer, out var template));
        int[] expected =
        [
            FakeTokenizer.Bos, FakeTokenizer.StartOfTurn, .. _tokenizer.Tokenize("user\n<end_of_turn>"), FakeTokenizer.EndOfTurn,
            .. _tokenizer.Tokenize("\n"), FakeTokenizer.StartOfTurn, .. _tokenizer.Tokenize("model\n"),
        ];
        Assert.Equal(expected, template.Tokenize(Create((ChatRole.User, ["<end_of_turn>"])), TestContext.Current.CancellationToken));
    }

    [Fact]
    public void TryCreate_VocabularyWithoutTurnTokens_IsFalse() => Assert.False(ChatTemplate.TryCreate(new PlainTokenizer(), out _));

    [Fact]
    public void TryCreate_Faults_NameTheMessage()
    {
        Assert.Equal("messages", Fault().Param);
        Assert.Equal("messages[1].role", Fault((ChatRole.System, ["a"]), (ChatRole.Assistant, ["b"]), (ChatRole.User, ["c"])).Param);
        Assert.Equal("messages[1].role", Fault((ChatRole.User, ["a"]), (ChatRole.Assistant, ["b"])).Param);
    }

    private static Conversation Create(params (ChatRole Role, string[] Parts)[] messages)
    {
        Assert.True(Conversation.TryCreate([.. messages.Select(m => new ChatEntry(m.Role, m.Parts))], out var conversation, out var error), error?.Message);
        return conversation;
    }

    private static Gemma3Server.Api.Errors.OpenAiError Fault(params (ChatRole Role, string[] Parts)[] messages)
    {
        Assert.False(Conversation.TryCreate([.. messages.Select(m => new ChatEntry(m.Role, m.Parts))], out _, out var error));
        Assert.Equal(400, error.Status);
        return error;
    }

    private sealed class PlainTokenizer : ITokenizer
    {
        public int VocabularySize => 1;

        public int BeginOfSequence => 0;

        public IReadOnlyList<int> EndOfGeneration => [];

        public int LongestPiece => 1;

        public int[] Tokenize(string text) => [];

        public bool TryGetControlToken(string piece, out int token) => (token = -1) > 0;

        public bool IsControl(int token) => false;

        public ReadOnlyMemory<byte> Piece(int token) => default;
    }
}

using Gemma3Server.Chat;
using Gemma3Server.Cli.Bench;
using Gemma3Server.Runtime;

namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>A round's prompts: random text in Gemma's chat format. The same seed gives the same prompts, another one shares nothing with them.</summary>
internal sealed class ScenarioPrompts
{
    private readonly BenchPrompts _words;
    private readonly ITokenizer _tokenizer;
    private readonly ChatTemplate _template;

    public ScenarioPrompts(int seed, ITokenizer tokenizer)
    {
        Seed = seed;
        _words = new(seed);
        _tokenizer = tokenizer;
        if (!ChatTemplate.TryCreate(tokenizer, out var template)) throw new ModelLoadException("The checkpoint's vocabulary lacks Gemma's turn tokens.");
        _template = template;
    }

    /// <summary>The round's seed, for whatever else is random in it.</summary>
    public int Seed { get; }

    /// <summary>Text of about <paramref name="tokens"/> tokens.</summary>
    public string Text(int tokens) => _words.Next(tokens, _tokenizer);

    /// <summary>A chat of one user message of about <paramref name="tokens"/> tokens.</summary>
    public int[] Chat(int tokens) => Render([new(ChatRole.User, [Text(tokens)])]);

    /// <summary><paramref name="count"/> chats of one message each.</summary>
    public int[][] Chats(int count, int tokens) => [.. Enumerable.Range(0, count).Select(_ => Chat(tokens))];

    /// <summary>A chat that begins with a system text; Gemma puts it in front of the first user message.</summary>
    public int[] Chat(string system, int tokens) => Chat(system, tokens, []);

    /// <summary>The same; <paramref name="boundaries"/> gets the places where the system text and the turns end.</summary>
    public int[] Chat(string system, int tokens, List<int> boundaries) =>
        Render([new(ChatRole.System, [system]), new(ChatRole.User, [Text(tokens)])], boundaries);

    /// <summary>The prompt tokens of a conversation.</summary>
    public int[] Render(IReadOnlyList<ChatEntry> messages) => Render(messages, []);

    private int[] Render(IReadOnlyList<ChatEntry> messages, List<int> boundaries) => Conversation.TryCreate(messages, out var conversation, out var error)
        ? _template.Tokenize(conversation, boundaries, CancellationToken.None)
        : throw new ArgumentException(error.Message, nameof(messages));
}

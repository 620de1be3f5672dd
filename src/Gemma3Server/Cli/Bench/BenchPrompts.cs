using System.Text;
using Gemma3Server.Chat;
using Gemma3Server.Runtime;

namespace Gemma3Server.Cli.Bench;

/// <summary>Prompts for a benchmark: text of a given length in tokens, different for each stream and round, so that no cache helps.</summary>
internal sealed class BenchPrompts(int seed)
{
    private static readonly string[] Words =
        ["river", "stone", "light", "garden", "winter", "letter", "window", "market", "silver", "bridge", "story", "engine", "paper", "island"];

    private readonly Random _random = new(seed);

    /// <summary>About <paramref name="tokens"/> tokens of text; to a word where a tokenizer is given.</summary>
    public string Next(int tokens, ITokenizer? tokenizer)
    {
        var text = new StringBuilder();
        text.Append(_random.Next(1000, 10_000));
        for (var length = 1; length < tokens;)
        {
            // Words do not merge over a space, so their lengths add up; a new count of the whole text for each would be quadratic.
            var word = " " + Words[_random.Next(Words.Length)];
            text.Append(word);
            length += tokenizer?.Tokenize(word).Length ?? 1;
        }

        return text.ToString();
    }

    /// <summary>The prompt tokens that the server makes of a user's <paramref name="text"/>.</summary>
    public static int[] Render(string text, ITokenizer tokenizer)
    {
        if (!ChatTemplate.TryCreate(tokenizer, out var template)) throw new ModelLoadException("The checkpoint's vocabulary lacks Gemma's turn tokens.");
        return Conversation.TryCreate([new ChatEntry(ChatRole.User, [text])], out var conversation, out var error)
            ? template.Tokenize(conversation)
            : throw new ArgumentException(error.Message, nameof(text));
    }
}

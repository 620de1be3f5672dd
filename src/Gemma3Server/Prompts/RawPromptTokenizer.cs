using System.Text;
using Gemma3Server.Api.Errors;
using Gemma3Server.Chat;
using Gemma3Server.Engine;
using Gemma3Server.Runtime;

namespace Gemma3Server.Prompts;

/// <summary>Makes tokens of raw prompts: text gets the one beginning-of-sequence token in front, and no text becomes a control token.</summary>
/// <remarks>Thread-safe. To be used when the model is loaded.</remarks>
internal sealed class RawPromptTokenizer(InferenceEngine engine, Tokenizations tokenizations)
{
    /// <summary>Why one of the prompts cannot fit into the context, known before it is tokenized; null when all may.</summary>
    public OpenAiError? CheckLeast(IEnumerable<RawPrompt> prompts)
    {
        var (tokenizer, limits) = (engine.Tokenizer!, engine.Limits!);
        foreach (var prompt in prompts)
        {
            var least = prompt.Tokens?.Length ?? 1 + (Encoding.UTF8.GetByteCount(prompt.Text!) + (long)tokenizer.LongestPiece - 1) / tokenizer.LongestPiece;
            if (ContextLength.CheckLeast(prompt.Name, least, limits.ContextLength) is { } error) return error;
        }

        return null;
    }

    /// <summary>The tokens of each prompt.</summary>
    public ValueTask<int[][]> TokenizeAsync(IReadOnlyList<RawPrompt> prompts, CancellationToken cancellationToken) =>
        tokenizations.RunAsync(
            () =>
            {
                var tokens = new int[prompts.Count][];
                for (var i = 0; i < tokens.Length; i++)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    tokens[i] = prompts[i].Tokens ?? Tokenize(engine.Tokenizer!, prompts[i].Text!);
                }

                return tokens;
            },
            cancellationToken);

    /// <summary>The prompt as text: as it was given, or what its tokens stand for, control tokens apart.</summary>
    public string TextOf(RawPrompt prompt)
    {
        if (prompt.Tokens is not { } tokens) return prompt.Text!;
        using var bytes = new MemoryStream(tokens.Length * 4);
        foreach (var token in tokens) bytes.Write(engine.Tokenizer!.Piece(token).Span);
        return Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length);
    }

    private static int[] Tokenize(ITokenizer tokenizer, string text) => [tokenizer.BeginOfSequence, .. tokenizer.Tokenize(text)];
}

using System.Text;
using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Evaluation;

/// <summary>Tells whether two models speak of the same tokens, without which comparing their distributions means nothing.</summary>
public static class VocabularyComparison
{
    /// <summary>The first difference as the end of a sentence, or <see langword="null"/> when the vocabularies are the same.</summary>
    public static string? FindDifference(ITokenizer first, ITokenizer second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        if (first.VocabularySize != second.VocabularySize) return $"{first.VocabularySize} and {second.VocabularySize} tokens";
        if (first.BeginOfSequence != second.BeginOfSequence)
            return $"the beginning of a sequence is token {first.BeginOfSequence} and {second.BeginOfSequence}";
        for (var token = 0; token < first.VocabularySize; token++)
        {
            if (first.IsControl(token) != second.IsControl(token)) return $"token {token} is a control token in one of them only";
            var (a, b) = (first.Piece(token), second.Piece(token));
            if (!a.Span.SequenceEqual(b.Span)) return $"token {token} is '{Encoding.UTF8.GetString(a.Span)}' and '{Encoding.UTF8.GetString(b.Span)}'";
        }

        return null;
    }
}

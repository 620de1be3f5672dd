using Gemma3Server.Engine.Sampling;

namespace Gemma3Server.Engine.Text;

/// <summary>Log-probabilities that wait for the text of their tokens: it may be held back, and may turn out to be a stop string's.</summary>
/// <remarks>
/// A token goes out with the first character that it has a part in. One that stands for no text at all (a control token that does not end
/// the turn) goes out with the text after it.
/// </remarks>
internal sealed class PendingLogProbs
{
    private readonly Queue<(int Start, bool IsEmpty, TokenLogProbs LogProbs)> _pending = new();

    /// <summary>Adds those of the next token.</summary>
    /// <param name="start">Characters of the text before the token; those that it completes itself do not count.</param>
    /// <param name="isEmpty">Whether it stands for no text.</param>
    /// <param name="logProbs">Of the token.</param>
    public void Add(int start, bool isEmpty, TokenLogProbs logProbs) => _pending.Enqueue((start, isEmpty, logProbs));

    /// <summary>Takes those of the tokens that have a part in the first <paramref name="characters"/> of the text, or none and stand within.</summary>
    public IReadOnlyList<TokenLogProbs> Take(int characters)
    {
        if (_pending.Count == 0) return [];
        var taken = new List<TokenLogProbs>();
        while (_pending.TryPeek(out var next) && (next.Start < characters || (next.IsEmpty && next.Start == characters)))
            taken.Add(_pending.Dequeue().LogProbs);
        return taken;
    }
}

using Gemma3Server.Engine.Scheduling;

namespace Gemma3Server.Engine.Speculation;

/// <summary>Drafts for one sequence from what its client predicts and from what stands in its prompt and completion (prompt lookup).</summary>
internal sealed class Lookup
{
    private readonly bool _own;
    private readonly NgramIndex _text;
    private readonly NgramIndex? _prediction;
    private readonly int[] _predicted = [];
    private int _place; // where the prediction was found last, and at how many tokens
    private int _placedAt;

    /// <param name="sequence">Whose.</param>
    /// <param name="gram">Fewest tokens that must agree.</param>
    /// <param name="own">Whether prompt and completion are looked up too.</param>
    public Lookup(Sequence sequence, int gram, bool own)
    {
        _own = own;
        _text = new(gram, own ? sequence.Count + Math.Min(sequence.Remaining, 1024) : 0);
        if (sequence.Request.PredictedTokens is not { Length: > 0 } predicted) return;

        // The prompt's end stands before it, so that the very beginning is found like every other place.
        var prompt = sequence.Tokens[..sequence.PromptLength];
        _predicted = [.. prompt[^Math.Min(gram, prompt.Length)..], .. predicted];
        _prediction = new(gram, _predicted.Length);
        _prediction.Update(_predicted);
    }

    /// <summary>Proposes up to <paramref name="most"/> tokens into the sequence's draft; none where no place is found.</summary>
    public void Propose(Sequence sequence, int most)
    {
        var draft = sequence.Draft;
        var tokens = sequence.Tokens;
        if (FindPredicted(tokens, out var match) is > 0 and var place)
        {
            draft.Begin(DraftSource.Prediction, match, most, tokens.Length);
            Copy(_predicted, place, sequence, most);
            if (draft.Count > 0) return;
        }

        if (!_own) return;
        _text.Update(tokens);
        if (_text.Find(tokens, tokens, out match) is not (> 0 and var earlier)) return;
        draft.Begin(DraftSource.Lookup, match, most, tokens.Length);
        Copy(tokens, earlier, sequence, most);
    }

    /// <summary>
    /// Where the prediction goes on; 0 = nowhere. Where it was followed and a token came that it does not have, that is taken for one in
    /// place of another until a place is found again, as in a text in which names are changed.
    /// </summary>
    private int FindPredicted(ReadOnlySpan<int> tokens, out int match)
    {
        match = 0;
        if (_prediction is null) return 0;
        var followed = _place > 0 ? _place + tokens.Length - _placedAt : 0;
        var found = _prediction.Find(_predicted, tokens, out match);
        if (found > 0) (_place, _placedAt) = (found, tokens.Length);
        else if (followed > 0 && followed < _predicted.Length) (found, match) = (followed, NgramIndex.Agreement(_predicted.AsSpan(0, followed), tokens));
        return found;
    }

    /// <summary>
    /// Drafts what follows a place; behind the end of the sequence's own text its draft follows, so that a repetition goes on. A token that
    /// would end the generation is left out, since the row before it yields it all the same.
    /// </summary>
    private static void Copy(ReadOnlySpan<int> text, int place, Sequence sequence, int most)
    {
        var draft = sequence.Draft;
        var repeats = draft.Source == DraftSource.Lookup;
        while (draft.Count < most)
        {
            var at = place + draft.Count;
            if (at >= text.Length && !repeats) return;
            var token = at < text.Length ? text[at] : draft.Tokens[at - text.Length];
            if (sequence.EndsWith(token)) return;
            draft.Add(token);
        }
    }
}

using System.Numerics;

namespace Gemma3Server.Engine.Speculation;

/// <summary>Finds where in a text of tokens, which may grow, the last tokens of a sequence stood before.</summary>
/// <remarks>
/// Hash chains over every run of <c>gram</c> tokens, as LZ77 compressors keep them: adding a token and looking one up take a few
/// memory accesses, however long the text is. The text itself is the caller's.
/// </remarks>
internal sealed class NgramIndex
{
    /// <summary>Places that are compared, the newest first: a phrase that occurs everywhere shall cost no more than one that occurs twice.</summary>
    private const int MostCandidates = 8;

    /// <summary>Agreement beyond this many tokens makes a place no better.</summary>
    private const int LongestMatch = 32;

    private readonly int _gram;
    private readonly int[] _heads;
    private int[] _previous;
    private int _next;

    /// <param name="gram">Fewest tokens that must agree.</param>
    /// <param name="capacity">How long the text is expected to become.</param>
    public NgramIndex(int gram, int capacity)
    {
        _gram = gram;
        _next = gram;
        _previous = new int[Math.Max(capacity, 64)];
        _heads = new int[(int)Math.Clamp(BitOperations.RoundUpToPowerOf2((uint)_previous.Length), 256, 1 << 16)];
    }

    /// <summary>Adds what is new in the text: every place that a token follows.</summary>
    public void Update(ReadOnlySpan<int> text)
    {
        if (_previous.Length < text.Length) Array.Resize(ref _previous, Math.Max(text.Length, 2 * _previous.Length));
        for (; _next < text.Length; _next++)
        {
            ref var head = ref _heads[Slot(text[(_next - _gram).._next])];
            _previous[_next] = head;
            head = _next;
        }
    }

    /// <summary>The place in the text before which it agrees longest with the end of <paramref name="sequence"/>, the newest of equal ones; 0 = none.</summary>
    /// <param name="text">The text, as given to <see cref="Update"/>.</param>
    /// <param name="sequence">Whose end to look up.</param>
    /// <param name="match">Tokens that agree, at least as many as a gram has.</param>
    public int Find(ReadOnlySpan<int> text, ReadOnlySpan<int> sequence, out int match)
    {
        (var found, match) = (0, _gram - 1);
        if (sequence.Length < _gram) return 0;
        var place = _heads[Slot(sequence[^_gram..])];
        for (var candidates = 0; place > 0 && candidates < MostCandidates; candidates++, place = _previous[place])
        {
            var agreed = Agreement(text[..place], sequence);
            if (agreed > match) (found, match) = (place, agreed);
            if (match == LongestMatch) break;
        }

        return found;
    }

    /// <summary>With how many tokens two texts end alike.</summary>
    public static int Agreement(ReadOnlySpan<int> left, ReadOnlySpan<int> right)
    {
        var most = Math.Min(LongestMatch, Math.Min(left.Length, right.Length));
        var agreed = 0;
        while (agreed < most && left[^(agreed + 1)] == right[^(agreed + 1)]) agreed++;
        return agreed;
    }

    private int Slot(ReadOnlySpan<int> gram)
    {
        var hash = 0u;
        foreach (var token in gram) hash = (BitOperations.RotateLeft(hash, 5) ^ (uint)token) * 0x9E3779B1u;
        return (int)((hash ^ (hash >> 15)) & (uint)(_heads.Length - 1));
    }
}

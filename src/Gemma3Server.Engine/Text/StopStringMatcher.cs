namespace Gemma3Server.Engine.Text;

/// <summary>
/// Holds back text that could still become a stop string, and finds the stop string that is completed first; of several completed by the
/// same character, the longest, because it began first. The result does not depend on how the text is cut into pieces.
/// </summary>
/// <remarks>
/// One Knuth-Morris-Pratt automaton per stop string: its state is the length of the longest suffix of the text that is a prefix of the stop
/// string, so the largest state is exactly what has to be held back.
/// </remarks>
internal sealed class StopStringMatcher
{
    private readonly string[] _stops;
    private readonly int[][] _failures;
    private readonly int[] _states;
    private char[] _pending = new char[64];
    private int _length;
    private int _held;

    public StopStringMatcher(string[] stops)
    {
        _stops = stops;
        _failures = Array.ConvertAll(stops, FailureTable);
        _states = new int[stops.Length];
    }

    /// <summary>The stop string that was met; afterwards further text is ignored.</summary>
    public string? Matched { get; private set; }

    /// <summary>Whether there is text that has not been taken.</summary>
    public bool Holds => _length > 0;

    /// <summary>Text that is final and has not been taken: whole characters, no part of a possible stop string.</summary>
    public ReadOnlySpan<char> Releasable
    {
        get
        {
            var end = _length - _held;
            // Only a stop string that begins inside a surrogate pair gets here; half a character is never shown.
            return _pending.AsSpan(0, end > 0 && char.IsHighSurrogate(_pending[end - 1]) ? end - 1 : end);
        }
    }

    /// <summary>Adds text; true when it completes a stop string.</summary>
    public bool Append(ReadOnlySpan<char> text)
    {
        if (Matched is not null) return true;
        MakeRoom(text.Length);
        foreach (var character in text)
        {
            _pending[_length++] = character;
            if (!Advance(character)) continue;
            _length -= Matched!.Length;
            _held = 0;
            return true;
        }

        return false;
    }

    /// <summary>Adds text in which no stop string is looked for, and of which none begins in it. Only before the first <see cref="Append"/>.</summary>
    public void Pass(ReadOnlySpan<char> text)
    {
        MakeRoom(text.Length);
        text.CopyTo(_pending.AsSpan(_length));
        _length += text.Length;
    }

    /// <summary>Removes <see cref="Releasable"/>: it has been handed out.</summary>
    public void Take()
    {
        var taken = Releasable.Length;
        _pending.AsSpan(taken, _length - taken).CopyTo(_pending);
        _length -= taken;
    }

    /// <summary>The text has ended: what was held back can no longer become a stop string.</summary>
    public void End()
    {
        _held = 0;
        Array.Clear(_states);
    }

    private void MakeRoom(int characters)
    {
        if (_pending.Length < _length + characters) Array.Resize(ref _pending, (_length + characters) * 2);
    }

    private bool Advance(char character)
    {
        _held = 0;
        for (var i = 0; i < _stops.Length; i++)
        {
            var stop = _stops[i];
            var state = _states[i];
            while (state > 0 && stop[state] != character) state = _failures[i][state - 1];
            if (stop[state] == character) state++;
            _states[i] = state;
            _held = Math.Max(_held, state);
            if (state == stop.Length && (Matched is null || stop.Length > Matched.Length)) Matched = stop;
        }

        return Matched is not null;
    }

    private static int[] FailureTable(string stop)
    {
        var table = new int[stop.Length];
        for (int i = 1, state = 0; i < stop.Length; i++)
        {
            while (state > 0 && stop[state] != stop[i]) state = table[state - 1];
            if (stop[state] == stop[i]) state++;
            table[i] = state;
        }

        return table;
    }
}

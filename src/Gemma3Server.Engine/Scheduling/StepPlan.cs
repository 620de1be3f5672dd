using System.Runtime.InteropServices;

namespace Gemma3Server.Engine.Scheduling;

/// <summary>What one step runs; plain data, reused from step to step.</summary>
internal sealed class StepPlan
{
    private readonly List<PlannedRows> _entries = [];

    /// <summary>One entry per sequence, in order of sequence id: a native batch splits where consecutive ids break off.</summary>
    public ReadOnlySpan<PlannedRows> Entries => CollectionsMarshal.AsSpan(_entries);

    /// <summary>Rows of all entries.</summary>
    public int Rows { get; private set; }

    /// <summary>Of these, rows of sequences that have computed all but their newest token.</summary>
    public int DecodeRows { get; private set; }

    public void Clear()
    {
        _entries.Clear();
        (Rows, DecodeRows) = (0, 0);
    }

    /// <summary>Plans the next <paramref name="count"/> pending rows of a running sequence.</summary>
    public void Add(Sequence sequence, int count)
    {
        var at = _entries.Count;
        while (at > 0 && _entries[at - 1].Sequence.Id > sequence.Id) at--;
        _entries.Insert(at, new(sequence, sequence.Computed, count, count == sequence.Pending));
        Rows += count;
        if (sequence.Pending == 1) DecodeRows++;
    }
}

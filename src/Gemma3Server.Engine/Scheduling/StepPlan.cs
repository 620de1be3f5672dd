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

    /// <summary>Of these, rows of sequences that have computed all but their newest token, or that take a forced one.</summary>
    public int DecodeRows { get; private set; }

    /// <summary>Of these, rows of drafts that are to be verified.</summary>
    public int DraftRows { get; private set; }

    /// <summary>The others: rows of prompts.</summary>
    public int PrefillRows => Rows - DecodeRows - DraftRows;

    /// <summary>Rows that yield logits.</summary>
    public int LogitsRows { get; private set; }

    public void Clear()
    {
        _entries.Clear();
        (Rows, DecodeRows, DraftRows, LogitsRows) = (0, 0, 0, 0);
    }

    /// <summary>Plans the next <paramref name="count"/> pending rows of a running sequence.</summary>
    public void Add(Sequence sequence, int count)
    {
        var at = _entries.Count;
        while (at > 0 && _entries[at - 1].Sequence.Id > sequence.Id) at--;
        _entries.Insert(at, new(sequence, sequence.Computed, count, count == sequence.Pending));
        Rows += count;
        if (sequence.Pending == 1 || (count == 1 && sequence.Generated > 0)) DecodeRows++;
        if (count == sequence.Pending) LogitsRows++;
    }

    /// <summary>Adds the first <paramref name="count"/> tokens of the draft of an entry's sequence.</summary>
    public void AddDrafts(int entry, int count)
    {
        _entries[entry] = _entries[entry] with { Drafts = count };
        Rows += count;
        DraftRows += count;
        LogitsRows += count;
    }

    /// <summary>Takes all drafts out again: the step must do without.</summary>
    public void DropDrafts()
    {
        for (var e = 0; e < _entries.Count; e++) _entries[e] = _entries[e] with { Drafts = 0 };
        Rows -= DraftRows;
        LogitsRows -= DraftRows;
        DraftRows = 0;
    }
}

using System.Runtime.InteropServices;

namespace Gemma3Server.Engine.Scheduling;

/// <summary>What one step runs; plain data, reused from step to step.</summary>
internal sealed class StepPlan
{
    private readonly List<PlannedRows> _entries = [];
    private int _wanted; // rows whose logits will be sampled
    private int _sampledDecodes; // of these, decode rows
    private int _forced; // decode rows that nobody will sample

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
    public int LogitsRows => _wanted + (LevelsLogits ? _forced : 0);

    /// <summary>
    /// Whether forced rows beside decode rows yield logits too, which nobody looks at: the last matrix of the model is computed for four rows at
    /// once or one by one, and what is computed changes its shape with their number, so that fifteen rows cost far more than sixteen.
    /// </summary>
    public bool LevelsLogits => _sampledDecodes > 0;

    public void Clear()
    {
        _entries.Clear();
        (Rows, DecodeRows, DraftRows) = (0, 0, 0);
        (_wanted, _sampledDecodes, _forced) = (0, 0, 0);
    }

    /// <summary>Plans the next <paramref name="count"/> pending rows of a running sequence.</summary>
    public void Add(Sequence sequence, int count)
    {
        var at = _entries.Count;
        while (at > 0 && _entries[at - 1].Sequence.Id > sequence.Id) at--;
        var wanted = count == sequence.Pending;
        var forced = !wanted && count == 1 && sequence.Generated > 0;
        _entries.Insert(at, new(sequence, sequence.Computed, count, wanted) { IsForced = forced });
        Rows += count;
        if (wanted) _wanted++;
        if (forced) _forced++;
        if (sequence.Pending == 1) _sampledDecodes++;
        DecodeRows = _sampledDecodes + _forced;
    }

    /// <summary>Adds the first <paramref name="count"/> tokens of the draft of an entry's sequence.</summary>
    public void AddDrafts(int entry, int count)
    {
        _entries[entry] = _entries[entry] with { Drafts = count };
        Rows += count;
        DraftRows += count;
        _wanted += count;
    }

    /// <summary>Takes all drafts out again: the step must do without.</summary>
    public void DropDrafts()
    {
        for (var e = 0; e < _entries.Count; e++) _entries[e] = _entries[e] with { Drafts = 0 };
        Rows -= DraftRows;
        _wanted -= DraftRows;
        DraftRows = 0;
    }
}

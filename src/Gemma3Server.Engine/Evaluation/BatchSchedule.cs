namespace Gemma3Server.Engine.Evaluation;

/// <summary>
/// Packs documents into forward calls: several at once, as sequences, in chunks that never cross a multiple of the chunk length.
/// </summary>
/// <remarks>
/// <para>Chunks are whole or end their document, so that where a document is cut does not depend on what runs beside it: other cuts round
/// differently.</para>
/// <para>The longest documents come first: neighbours are then of about the same length, which the native library runs in fewer passes, and
/// the end of the run is made of small pieces.</para>
/// </remarks>
internal sealed class BatchSchedule
{
    private readonly IReadOnlyList<EvaluationDocument> _documents;
    private readonly int _rows;
    private readonly int _logitsRows;
    private readonly int _chunk;
    private readonly Queue<int> _waiting;
    private readonly (int Document, int Done)?[] _active;
    private readonly List<PlannedChunk> _plan = [];

    /// <param name="documents">The documents; those without rows are passed over.</param>
    /// <param name="rows">Most rows of a forward call.</param>
    /// <param name="logitsRows">Most rows of a forward call that ask for logits.</param>
    /// <param name="sequences">Number of sequence ids.</param>
    /// <param name="chunk">Chunk length; cut down to what a forward call takes.</param>
    public BatchSchedule(IReadOnlyList<EvaluationDocument> documents, int rows, int logitsRows, int sequences, int chunk)
    {
        _documents = documents;
        _rows = rows;
        _logitsRows = logitsRows;
        _chunk = Math.Min(chunk, Math.Min(rows, logitsRows));
        _waiting = new(Enumerable.Range(0, documents.Count).Where(d => documents[d].RowCount > 0).OrderByDescending(d => documents[d].RowCount));
        _active = new (int, int)?[sequences];
    }

    /// <summary>The next forward call, in order of sequence id; empty when all documents have run. Valid until the next call.</summary>
    public IReadOnlyList<PlannedChunk> Next()
    {
        _plan.Clear();
        var (rows, logitsRows) = (_rows, _logitsRows);

        // Those under way first, or a long document could wait for ever while short ones pass it.
        for (var sequence = 0; sequence < _active.Length; sequence++)
            if (_active[sequence] is { } running) Plan(sequence, running.Document, running.Done, ref rows, ref logitsRows);
        for (var sequence = 0; sequence < _active.Length && _waiting.TryPeek(out var document); sequence++)
        {
            if (_active[sequence] is not null || _plan.Any(chunk => chunk.Sequence == sequence)) continue;
            if (!Plan(sequence, document, 0, ref rows, ref logitsRows)) break;
            _waiting.Dequeue();
        }

        _plan.Sort(static (a, b) => a.Sequence.CompareTo(b.Sequence));
        return _plan;
    }

    private bool Plan(int sequence, int index, int start, ref int rows, ref int logitsRows)
    {
        var document = _documents[index];
        var count = Math.Min(_chunk, document.RowCount - start);
        var wanted = 0;
        for (var position = start; position < start + count; position++)
            if (document.WantsLogits(position)) wanted++;
        if (count > rows || wanted > logitsRows) return false;
        rows -= count;
        logitsRows -= wanted;
        var isLast = start + count == document.RowCount;
        _active[sequence] = isLast ? null : (index, start + count);
        _plan.Add(new(index, sequence, start, count, isLast));
        return true;
    }
}

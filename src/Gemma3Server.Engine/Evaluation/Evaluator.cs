using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Evaluation;

/// <summary>Scores documents under one or several models, and compares each with a reference model, token by token.</summary>
/// <remarks>
/// <para>It runs every document through all models in step: the same rows, one model after the other, then their logits side by side. No
/// distribution is stored: 262,144 probabilities a token would be a gigabyte a thousand tokens.</para>
/// <para>It owns the runtimes' sequences and uses them on the calling thread alone. Beside the engine loop there is no scheduler and no
/// cache here, so that it calls Forward, Logits and Release itself: a <c>ModelRunner</c> asks for logits of last rows only, of sequences
/// that generate.</para>
/// <para>A run: 1. check the documents; 2. plan a forward call; 3. run it on every model; 4. score its rows, on all cores; 5. give the
/// sequences of finished documents back; and again from 2.</para>
/// </remarks>
public sealed class Evaluator
{
    /// <summary>Each worker holds one row of every model: more than this many would be gigabytes, and the models are the slower part.</summary>
    private const int MostWorkers = 16;

    private readonly IModelRuntime[] _runtimes;
    private readonly string[] _names;
    private readonly bool _hasReference;
    private readonly float[][][] _rows;
    private readonly RowScorer[] _scorers;
    private readonly RowScore[][] _scores;
    private readonly List<(int Row, int Token, int Index)> _wanted = [];

    /// <param name="models">The models with their names; all have the same vocabulary.</param>
    /// <param name="reference">The model that they are compared with, if any.</param>
    /// <param name="cores">Cores that score rows; by default all.</param>
    public Evaluator(
        IReadOnlyList<(string Name, IModelRuntime Runtime)> models, (string Name, IModelRuntime Runtime)? reference = null, int? cores = null)
    {
        ArgumentNullException.ThrowIfNull(models);
        ArgumentOutOfRangeException.ThrowIfZero(models.Count);
        _hasReference = reference is not null;
        (string Name, IModelRuntime Runtime)[] all = reference is { } given ? [given, .. models] : [.. models];
        _runtimes = [.. all.Select(model => model.Runtime)];
        _names = [.. all.Select(model => model.Name)];
        var vocabulary = _runtimes[0].Model.VocabularySize;
        if (_runtimes.Any(runtime => runtime.Model.VocabularySize != vocabulary))
            throw new ArgumentException("The models have vocabularies of different sizes.", nameof(models));
        var workers = Math.Clamp(cores ?? Environment.ProcessorCount, 1, MostWorkers);
        _rows = [.. Enumerable.Range(0, workers).Select(_ => _runtimes.Select(_ => new float[vocabulary]).ToArray())];
        _scorers = [.. Enumerable.Range(0, workers).Select(_ => new RowScorer(vocabulary))];
        _scores = [.. Enumerable.Range(0, workers).Select(_ => new RowScore[_runtimes.Length])];
    }

    /// <summary>Scores the documents.</summary>
    /// <param name="documents">At least one scored token in all.</param>
    /// <param name="progress">Told after every forward call.</param>
    /// <param name="cancellationToken">Ends the run between two forward calls.</param>
    /// <exception cref="EvaluationException">A document does not fit, or a model cannot run it.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public EvaluationScores Run(
        IReadOnlyList<EvaluationDocument> documents, Action<EvaluationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(documents);

        // 1. Check.
        var (starts, count) = Check(documents);
        TokenScores[] scores = [.. _names.Select((name, m) => new TokenScores(name, count, _hasReference && m > 0))];
        var cursors = starts.ToArray();
        var schedule = new BatchSchedule(
            documents, _runtimes.Min(r => r.Limits.MaxBatchTokens), _runtimes.Min(r => r.Limits.MaxLogitsRows),
            _runtimes.Min(r => r.Limits.MaxSequences), _runtimes.Min(r => r.Limits.MicroBatchTokens));
        var batch = new ForwardBatch();
        var total = documents.Sum(document => (long)document.RowCount);
        var done = 0L;
        while (true)
        {
            // 2. Plan.
            cancellationToken.ThrowIfCancellationRequested();
            var plan = schedule.Next();
            if (plan.Count == 0) break;
            Fill(batch, plan, documents, cursors);

            // 3. Run.
            for (var m = 0; m < _runtimes.Length; m++) Forward(m, batch, cancellationToken);

            // 4. Score.
            ScoreRows(scores);

            // 5. Give back.
            foreach (var chunk in plan.Where(chunk => chunk.IsLast))
                foreach (var runtime in _runtimes) runtime.Release(chunk.Sequence);
            done += batch.Count;
            progress?.Invoke(new(done, total));
        }

        int[] nonEmpty = [.. starts.Where((_, d) => documents[d].ScoredCount > 0)];
        return _hasReference ? new(scores[0], scores[1..], nonEmpty, count) : new(null, scores, nonEmpty, count);
    }

    private (int[] Starts, int Count) Check(IReadOnlyList<EvaluationDocument> documents)
    {
        var longest = _runtimes.Min(runtime => runtime.Limits.ContextLength);
        var vocabulary = _runtimes[0].Model.VocabularySize;
        var starts = new int[documents.Count];
        var count = 0;
        for (var d = 0; d < documents.Count; d++)
        {
            var document = documents[d];
            if (document.RowCount > longest)
                throw new EvaluationException($"{document.Name} has {document.Tokens.Length} tokens, and the context holds {longest}.");
            if (document.Tokens.Any(token => (uint)token >= (uint)vocabulary))
                throw new EvaluationException($"{document.Name} has a token that the vocabulary of {vocabulary} lacks.");
            starts[d] = count;
            count = checked(count + document.ScoredCount);
        }

        return count > 0 ? (starts, count) : throw new EvaluationException("There is no token to score.");
    }

    private void Fill(ForwardBatch batch, IReadOnlyList<PlannedChunk> plan, IReadOnlyList<EvaluationDocument> documents, int[] cursors)
    {
        batch.Clear();
        _wanted.Clear();
        foreach (var chunk in plan)
        {
            var document = documents[chunk.Document];
            for (var position = chunk.Start; position < chunk.Start + chunk.Count; position++)
            {
                var wants = document.WantsLogits(position);
                var row = batch.Add(document.Tokens[position], position, chunk.Sequence, wants);
                if (wants) _wanted.Add((row, document.Tokens[position + 1], cursors[chunk.Document]++));
            }
        }
    }

    private void Forward(int model, ForwardBatch batch, CancellationToken cancellationToken)
    {
        var status = _runtimes[model].Forward(batch);
        if (status == ForwardStatus.Ok) return;
        cancellationToken.ThrowIfCancellationRequested(); // who cancels may interrupt the runtimes too
        throw new EvaluationException(status == ForwardStatus.NoSpace
            ? $"'{_names[model]}' has no room for {batch.Count} rows in its KV cells: use own cells for each sequence, or more of the shared ones."
            : $"'{_names[model]}' could not run {batch.Count} rows ({status}).");
    }

    /// <summary>Rows are copied group by group, since a span of the runtime's cannot cross threads.</summary>
    private void ScoreRows(TokenScores[] scores)
    {
        for (var first = 0; first < _wanted.Count; first += _scorers.Length)
        {
            var group = Math.Min(_scorers.Length, _wanted.Count - first);
            for (var worker = 0; worker < group; worker++)
                for (var m = 0; m < _runtimes.Length; m++) _runtimes[m].Logits(_wanted[first + worker].Row).CopyTo(_rows[worker][m]);
            if (group == 1) Score(0, _wanted[first].Token);
            else Parallel.For(0, group, worker => Score(worker, _wanted[first + worker].Token));
            for (var worker = 0; worker < group; worker++)
                for (var m = 0; m < _runtimes.Length; m++) Keep(scores[m], _wanted[first + worker].Index, _scores[worker][m]);
        }
    }

    private void Score(int worker, int token)
    {
        var (scorer, rows, scores) = (_scorers[worker], _rows[worker], _scores[worker]);
        for (var m = 0; m < rows.Length; m++)
        {
            scores[m] = !_hasReference ? scorer.Score(rows[m], token)
                : m == 0 ? scorer.Reference(rows[m], token)
                : scorer.Compare(rows[m], rows[0], token);
        }
    }

    private static void Keep(TokenScores scores, int index, RowScore score)
    {
        if (!double.IsFinite(score.LogLoss) || !double.IsFinite(score.Divergence))
            throw new EvaluationException($"'{scores.Name}' produced logits that are not finite numbers.");
        scores.LogLoss[index] = score.LogLoss;
        if (scores.Divergence is not { } divergence) return;
        divergence[index] = score.Divergence;
        scores.Agrees![index] = score.Agrees;
    }
}

using System.Runtime.InteropServices;
using Gemma3Server.Engine.Diagnostics;
using Gemma3Server.Engine.Sampling;
using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Speculation;

/// <summary>A smaller model that guesses what the served one will say.</summary>
/// <remarks>
/// <para>It has sequence ids of its own, the same as the served model's, and knows what each of them holds. Whatever a sequence has become in the
/// meantime (drafts taken back, another request in its id), what both have in common stays and the rest is computed.</para>
/// <para>It draws with the sequence's own sampler, hence with the very draw that the served model's token will be chosen by: where both models
/// think alike, they choose alike, at any temperature. All of it happens on the engine loop. It owns the runtime, and nobody else uses that; whatever
/// the runtime refuses is not drafted.</para>
/// </remarks>
internal sealed class DraftModel(IModelRuntime runtime, TimeProvider timeProvider)
{
    /// <summary>Rows of prompts computed at once: drafts can wait, the streams beside them should not.</summary>
    private const int MostCatchUp = 128;

    /// <summary>Weight of the newest draft in the mean time of a token.</summary>
    private const double Newest = 0.1;

    private readonly ForwardBatch _batch = new(MostCatchUp);
    private readonly SamplerScratch _scratch = new();
    private readonly List<int>[] _held = [.. Enumerable.Range(0, runtime.Limits.MaxSequences).Select(_ => new List<int>())];
    private readonly List<Sequence> _drafting = [];
    private readonly List<int> _rows = [];
    private double _secondsPerToken;

    /// <summary>Seconds used since <see cref="BeginStep"/>.</summary>
    public double Spent { get; private set; }

    /// <summary>Why a model cannot draft for another, or <see langword="null"/> when it can: it must have the same tokens.</summary>
    public static string? FindFault(ITokenizer served, ITokenizer draft)
    {
        var why = served.VocabularySize != draft.VocabularySize ? $"it has {draft.VocabularySize} tokens, not {served.VocabularySize}"
            : FindOther(served, draft) is { } token ? $"its token {token} is another one"
            : null;
        return why is null ? null : $"The draft model has another vocabulary than the served one ({why}): give a smaller Gemma 3 of the same family.";
    }

    /// <summary>A step begins.</summary>
    public void BeginStep() => Spent = 0;

    /// <summary>A sequence got another id, which nobody has: what is known of it goes there too.</summary>
    public void Move(int from, int to)
    {
        if (to < _held.Length) Forget(to);
        if (from >= _held.Length || _held[from].Count == 0) return;
        if (to >= _held.Length || !runtime.TryFork(from, to, _held[from].Count))
        {
            Forget(from);
            return;
        }

        runtime.Release(from);
        (_held[from], _held[to]) = (_held[to], _held[from]);
    }

    /// <summary>Seconds that drafting so many tokens takes; 0 = not known yet.</summary>
    public double Seconds(int tokens) => tokens * _secondsPerToken;

    /// <summary>
    /// Whether a sequence can be drafted for in this step. If it is behind, a part of what is missing is computed now, as far as
    /// <paramref name="mayCatchUp"/>.
    /// </summary>
    public bool IsReady(Sequence sequence, bool mayCatchUp)
    {
        if (sequence.Id >= _held.Length || sequence.Count + 1 >= runtime.Limits.ContextLength) return false;
        var missing = sequence.Count - Align(sequence);
        var most = Math.Min(MostCatchUp, runtime.Limits.MaxBatchTokens / _held.Length);
        if (missing <= Math.Max(2, most / 8)) return true;
        if (!mayCatchUp) return false;
        var began = timeProvider.GetTimestamp();
        _batch.Clear();
        Add(sequence, Math.Min(most, missing - 1), wantLogits: false);
        Run();
        Spent += timeProvider.GetElapsedTime(began).TotalSeconds;
        return false;
    }

    /// <summary>Drafts up to <paramref name="length"/> tokens for each of the sequences, which are ready.</summary>
    public void Draft(ReadOnlySpan<Sequence> sequences, int length)
    {
        var began = timeProvider.GetTimestamp();
        _drafting.Clear();
        _batch.Clear();
        _rows.Clear();
        foreach (var sequence in sequences)
        {
            sequence.Draft.Begin(DraftSource.Model, match: 0, length, sequence.Count);
            _drafting.Add(sequence);
            Align(sequence);
            Add(sequence, sequence.Count - _held[sequence.Id].Count, wantLogits: true);
        }

        for (var i = 0; i < length && _drafting.Count > 0 && Run(); i++) Choose(goesOn: i + 1 < length);
        var seconds = timeProvider.GetElapsedTime(began).TotalSeconds;
        Spent += seconds;
        seconds /= length;
        _secondsPerToken = FadingMean.With(_secondsPerToken, seconds, Newest);
    }

    /// <summary>Each sequence's next token, and the batch that follows on it.</summary>
    private void Choose(bool goesOn)
    {
        var left = 0;
        for (var i = 0; i < _drafting.Count; i++)
        {
            var sequence = _drafting[i];
            var token = sequence.Sampler.Sample(runtime.Logits(_rows[i]), _scratch, ahead: sequence.Draft.Count);
            if (token == Sampler.NoToken || sequence.EndsWith(token)) continue;
            sequence.Draft.Add(token);
            if (_held[sequence.Id].Count + 1 < runtime.Limits.ContextLength) _drafting[left++] = sequence;
        }

        _drafting.RemoveRange(left, _drafting.Count - left);
        _batch.Clear();
        _rows.Clear();
        if (!goesOn) return;
        foreach (var sequence in _drafting)
        {
            _rows.Add(_batch.Add(sequence.Draft.Tokens[^1], _held[sequence.Id].Count, sequence.Id, wantLogits: true));
        }
    }

    /// <summary>Takes back what the sequence no longer has, and tells how much of it is left; its last token is always left to compute.</summary>
    private int Align(Sequence sequence)
    {
        var held = _held[sequence.Id];
        var common = CollectionsMarshal.AsSpan(held).CommonPrefixLength(sequence.Tokens[..^1]);
        if (common == held.Count) return common;
        var kept = runtime.Rewind(sequence.Id, common);
        held.RemoveRange(kept, held.Count - kept);
        return kept;
    }

    private void Add(Sequence sequence, int count, bool wantLogits)
    {
        var start = _held[sequence.Id].Count;
        var tokens = sequence.Tokens.Slice(start, count);
        for (var i = 0; i < count; i++)
        {
            var row = _batch.Add(tokens[i], start + i, sequence.Id, wantLogits && i == count - 1);
            if (wantLogits && i == count - 1) _rows.Add(row);
        }
    }

    private bool Run()
    {
        if (_batch.Count == 0) return false;
        if (runtime.Forward(_batch) == ForwardStatus.Ok)
        {
            for (var i = 0; i < _batch.Count; i++) _held[_batch.Sequences[i]].Add(_batch.Tokens[i]);
            return true;
        }

        // Whatever stayed of it is computed again.
        foreach (var id in _batch.Sequences) Forget(id);

        _drafting.Clear();
        return false;
    }

    private void Forget(int id)
    {
        runtime.Release(id);
        _held[id].Clear();
    }

    private static int? FindOther(ITokenizer served, ITokenizer draft)
    {
        for (var token = 0; token < served.VocabularySize; token++)
        {
            if (served.IsControl(token) != draft.IsControl(token) || !served.Piece(token).Span.SequenceEqual(draft.Piece(token).Span)) return token;
        }

        return null;
    }
}

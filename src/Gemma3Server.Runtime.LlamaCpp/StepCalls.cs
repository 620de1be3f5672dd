using Gemma3Server.Runtime.LlamaCpp.Handles;
using Gemma3Server.Runtime.LlamaCpp.Interop;
using Gemma3Server.Runtime.LlamaCpp.Loading;

namespace Gemma3Server.Runtime.LlamaCpp;

/// <summary>Hands the rows of a step to the library, in one call or in two, and finds their logits again.</summary>
/// <remarks>
/// Where each sequence has its own cells, the library computes sequences of unlike row counts in passes of their own, of which the first has one
/// row of every sequence: a prompt's first row is computed among those that decode, and the graphs alternate within a call. Two calls are
/// cheaper, and a chunk is then computed alike whoever runs beside it (270M, one thread, 8 streams beside 65 rows of a prompt: 151 ms instead of 181).
/// Prompts come first, so that the logits of the many are the library's own; the few of the first call are copied. Owned by the engine loop.
/// </remarks>
internal sealed unsafe class StepCalls(LlamaContext context, NativeBatch native, int vocabulary) : IDisposable
{
    private readonly NativeBuffer _kept = new();
    private readonly bool[] _isPrompt = new bool[context.Plan.Sequences];
    private readonly int[] _rows = new int[native.Capacity];
    private int _count;

    /// <summary>Runs a valid batch; returns the library's code and whether an earlier call of the two had been run.</summary>
    public (int Code, bool Changed) Run(ForwardBatch batch)
    {
        _count = 0;
        var split = Splits(batch);
        if (split)
        {
            var wanted = Fill(batch, prompts: true);
            var code = LlamaNative.llama_decode(context.Pointer, native.Value);
            if (code != 0) return (code, false);
            Keep(batch, wanted);
        }

        Fill(batch, prompts: split ? false : null);
        var last = LlamaNative.llama_decode(context.Pointer, native.Value);
        if (last == 0) _count = batch.Count;
        return (last, split);
    }

    /// <summary>Logits of a row of the batch that was run last, which wanted them.</summary>
    public ReadOnlySpan<float> Logits(int row)
    {
        if ((uint)row >= (uint)_count) return [];
        if (_rows[row] < 0) return new((float*)_kept.Ensure(0) + ((long)~_rows[row] * vocabulary), vocabulary);
        if (!native.WantsLogits(_rows[row])) return [];
        var logits = LlamaNative.llama_get_logits_ith(context.Pointer, _rows[row]);
        return logits == null ? [] : new(logits, vocabulary);
    }

    /// <summary>Forgets the last step.</summary>
    public void Clear() => _count = 0;

    public void Dispose() => _kept.Dispose();

    /// <summary>Whether some sequences compute a prompt, whose rows but the last want no logits, and others do not.</summary>
    private bool Splits(ForwardBatch batch)
    {
        if (context.Plan.SharedCells) return false;
        Array.Clear(_isPrompt);
        for (var i = 0; i < batch.Count; i++) _isPrompt[batch.Sequences[i]] |= !batch.WantLogits[i];
        var (prompts, others) = (false, false);
        foreach (var sequence in batch.Sequences)
        {
            if (_isPrompt[sequence]) prompts = true;
            else others = true;
        }

        return prompts && others;
    }

    /// <summary>Puts rows into the native batch; of prompts, of the others, or all. Returns how many of them want logits.</summary>
    private int Fill(ForwardBatch batch, bool? prompts)
    {
        native.Clear();
        var wanted = 0;
        for (var i = 0; i < batch.Count; i++)
        {
            if (prompts is { } kind && _isPrompt[batch.Sequences[i]] != kind) continue;
            _rows[i] = native.Count;
            native.Add(batch.Tokens[i], batch.Positions[i], batch.Sequences[i], batch.WantLogits[i]);
            if (batch.WantLogits[i]) wanted++;
        }

        return wanted;
    }

    /// <summary>Copies the logits of the first call, which the second one overwrites.</summary>
    private void Keep(ForwardBatch batch, int wanted)
    {
        if (wanted == 0) return;
        var target = (float*)_kept.Ensure((long)wanted * vocabulary * sizeof(float));
        var place = 0;
        for (var i = 0; i < batch.Count; i++)
        {
            if (!_isPrompt[batch.Sequences[i]] || !batch.WantLogits[i]) continue;
            var source = LlamaNative.llama_get_logits_ith(context.Pointer, _rows[i]);
            new ReadOnlySpan<float>(source, source == null ? 0 : vocabulary).CopyTo(new(target + ((long)place * vocabulary), vocabulary));
            _rows[i] = ~place++;
        }
    }
}

using System.Numerics;
using Gemma3Server.Runtime.LlamaCpp.Handles;
using Gemma3Server.Runtime.LlamaCpp.Interop;
using Gemma3Server.Runtime.LlamaCpp.Loading;
using Microsoft.Extensions.Logging;

namespace Gemma3Server.Runtime.LlamaCpp;

/// <summary>
/// A native context of its own on a model's weights, for hidden states: the one that generates keeps its graphs and its KV, and has no room
/// for the output of whole chunks.
/// </summary>
/// <remarks>
/// Made for the first text and made anew, twice as long at least, for one that does not fit; not-yet-used memory is checked first, since the
/// library may take more than there is and be killed later. Not thread-safe; owned by the runtime.
/// </remarks>
internal sealed unsafe class EmbeddingContext(LlamaModel model, LlamaCppOptions options, AbortFlag abort, int contextLength, ILogger logger) : IDisposable
{
    /// <summary>
    /// Rows of a call. The library computes the vocabulary's logits of each, whether or not they are wanted, and reserves them twice (1 MiB a
    /// row each for Gemma 3): more rows would cost memory and hold up running streams, fewer would read the weights more often.
    /// </summary>
    private const int MostRows = 64;

    /// <summary>Shortest context: smaller ones save nothing.</summary>
    private const int LeastLength = 512;

    private LlamaContext? _context;
    private NativeBatch? _batch;
    private int _length;
    private int _rows;

    public int Chunk { get; } = Math.Min(MostRows, Math.Min(options.MicroBatchTokens, contextLength));

    public ForwardStatus Forward(ReadOnlySpan<int> text, int start, int count)
    {
        var valid = IsValid(text, start, count);
        (_rows, _length) = (0, 0);
        if (!valid) return ForwardStatus.InvalidBatch;
        if (start == 0 && !TryBegin(text.Length)) return ForwardStatus.NoSpace;
        _batch!.Clear();
        for (var i = start; i < start + count; i++) _batch.Add(text[i], i, 0, wantLogits: true);
        var code = LlamaNative.llama_decode(_context!.Pointer, _batch.Value);
        if (code == 0)
        {
            _length = start + count;
            _rows = count;
            return ForwardStatus.Ok;
        }

        if (code is not (1 or 2)) LogMessages.DecodeFailed(logger, code, count);
        return code switch
        {
            1 => ForwardStatus.NoSpace,
            -2 => ForwardStatus.OutOfMemory,
            2 => ForwardStatus.Aborted,
            -1 => ForwardStatus.InvalidBatch,
            _ => ForwardStatus.Failed,
        };
    }

    public ReadOnlySpan<float> HiddenState(int row)
    {
        if ((uint)row >= (uint)_rows) return [];
        var state = LlamaNative.llama_get_embeddings_ith(_context!.Pointer, row);
        return state == null ? [] : new(state, model.Info.EmbeddingLength);
    }

    public void Dispose()
    {
        (_rows, _length) = (0, 0);
        _batch?.Dispose();
        _context?.Dispose();
        (_batch, _context) = (null, null);
    }

    private bool IsValid(ReadOnlySpan<int> text, int start, int count)
    {
        if (text.Length == 0 || text.Length > contextLength || start < 0 || count < 1 || count > Chunk || count > text.Length - start) return false;
        if (start > 0 && (start != _length || text.Length > _context!.Plan.ContextLength)) return false;
        foreach (var token in text.Slice(start, count))
        {
            if ((uint)token >= (uint)model.Info.VocabularySize) return false;
        }

        return true;
    }

    /// <summary>Makes room for another text; false when there is none.</summary>
    private bool TryBegin(int length)
    {
        if (_context is null || _context.Plan.ContextLength < length)
        {
            Dispose();
            try
            {
                var plan = Plan(length);
                _context = LlamaContext.Create(model, plan, AbortFlag.Callback, abort.Pointer);
                _batch = new(plan.BatchTokens);
            }
            catch (ModelLoadException exception)
            {
                Dispose();
                LogMessages.NoEmbeddingContext(logger, length, exception.Message);
                return false;
            }
        }

        return LlamaNative.llama_memory_seq_rm(_context.Memory, 0, -1, -1);
    }

    private ContextPlan Plan(int length)
    {
        var sizes = options with
        {
            ContextLength = (int)Math.Min(contextLength, Math.Max(LeastLength, BitOperations.RoundUpToPowerOf2((uint)length))),
            Parallel = 1,
            BatchTokens = Chunk,
            MicroBatchTokens = Chunk,
            LogitsRows = Chunk,
            SharedCells = false,
            SharedCellCount = 0,
        };
        return ContextPlan.Create(model, sizes) with { HiddenStates = true };
    }
}

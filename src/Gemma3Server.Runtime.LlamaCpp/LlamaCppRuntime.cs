using Gemma3Server.Runtime.LlamaCpp.Handles;
using Gemma3Server.Runtime.LlamaCpp.Interop;
using Gemma3Server.Runtime.LlamaCpp.Loading;
using Gemma3Server.Runtime.LlamaCpp.Planning;
using Microsoft.Extensions.Logging;

namespace Gemma3Server.Runtime.LlamaCpp;

/// <summary>Runs a Gemma 3 checkpoint on llama.cpp.</summary>
/// <remarks>
/// One thread, the engine loop, calls everything but <see cref="Tokenizer"/>, <see cref="Interrupt"/> and <see cref="NativeAbort"/>.
/// Every argument is checked before it reaches native code, where a wrong one would end the process.
/// </remarks>
public sealed unsafe class LlamaCppRuntime : IModelRuntime, IEmbeddingRuntime, IInterruptible, ISnapshotPool
{
    /// <summary>The library's code for a step of which a part was computed.</summary>
    private const int ComputeFailed = -3;

    private readonly LlamaModel _model;
    private readonly LlamaContext _context;
    private readonly AbortFlag _abort;
    private readonly NativeBatch _batch;
    private readonly StepCalls _calls;
    private readonly SequenceMemory _memory;
    private readonly EmbeddingContext _embedding;
    private readonly ILogger _logger;
    private readonly int[] _added;
    private bool _disposed;

    private LlamaCppRuntime(LlamaModel model, LlamaContext context, AbortFlag abort, LlamaTokenizer tokenizer, LlamaCppOptions options, MemoryPlan memory, ILogger logger)
    {
        var plan = context.Plan;
        _model = model;
        _context = context;
        _abort = abort;
        _logger = logger;
        _batch = new NativeBatch(Math.Max(plan.BatchTokens, plan.MicroBatchTokens));
        _calls = new(context, _batch, model.Info.VocabularySize);
        _memory = new SequenceMemory(model.Info, context);
        _embedding = new EmbeddingContext(model, options, abort, plan.ContextLength, logger);
        _added = new int[plan.Sequences];
        Options = options;
        Memory = memory;
        Tokenizer = tokenizer;
        Limits = new()
        {
            MaxSequences = plan.Sequences,
            ContextLength = plan.ContextLength,
            MaxBatchTokens = plan.BatchTokens,
            MicroBatchTokens = plan.MicroBatchTokens,
            PrefillTile = memory.OffloadedLayers < memory.LayerCount ? plan.HostTile : 1,
            MaxLogitsRows = plan.MaxLogitsRows,
            TotalCells = plan.TotalCells,
            SharedCells = plan.SharedCells,
        };
    }

    /// <summary>
    /// Completes with the library's message when an assertion failed in native code. The thread that hit it is held for ever and cannot compute
    /// any more: answer the clients that are left, then end the process with <see cref="Environment.Exit"/>, without disposing the runtime.
    /// </summary>
    public static Task<string> NativeAbort => Loading.NativeAbort.Occurred;

    /// <inheritdoc/>
    public ModelInfo Model => _model.Info;

    /// <inheritdoc/>
    public RuntimeLimits Limits { get; }

    /// <inheritdoc/>
    public ITokenizer Tokenizer { get; }

    /// <inheritdoc/>
    public IMediaProcessor? Media => null;

    /// <summary>The options this runtime was loaded with; what they left open is decided.</summary>
    public LlamaCppOptions Options { get; }

    /// <summary>What was planned for it before the load.</summary>
    public MemoryPlan Memory { get; }

    /// <summary>The weights, for a context beside this one.</summary>
    internal LlamaModel LoadedModel => _model;

    /// <summary>What memory is free now, after loading the native library (once per process), which knows the GPUs.</summary>
    /// <exception cref="ModelLoadException">The library cannot be loaded.</exception>
    public static DeviceMemory MeasureMemory(string? libraryDirectory, ILoggerFactory loggers)
    {
        NativeLibraryLoader.Load(libraryDirectory, loggers);
        return DeviceMemory.Now();
    }

    /// <summary>
    /// Loads the native library (once per process), the checkpoint and its context. What the options leave open is decided by what memory is
    /// free (<see cref="MemoryPlanner"/>), and what does not fit is refused before anything is loaded.
    /// </summary>
    /// <exception cref="ModelLoadException">One line that names the file or option and says what to do.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled: a load of weights ends at the next tensor.</exception>
    public static LlamaCppRuntime Load(LlamaCppOptions options, ILoggerFactory loggers, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(loggers);
        cancellationToken.ThrowIfCancellationRequested();
        var logger = loggers.CreateLogger<LlamaCppRuntime>();
        NativeLibraryLoader.Load(options.LibraryDirectory, loggers);
        var free = options.Free ?? DeviceMemory.Now();
        var footprint = CheckpointFile.Check(Path.GetFullPath(options.ModelPath));
        options = MemoryPlanner.Choose(footprint, options, free);
        var memory = MemoryPlanner.Plan(footprint, options, free);
        if (memory.Shortage is { } shortage) throw new ModelLoadException(shortage) { IsForMemory = true };
        var table = memory.ToTable();
        LogMessages.MemoryPlanned(logger, table);
        var model = LlamaModel.Load(options, footprint, loggers, cancellationToken);
        var abort = new AbortFlag();
        LlamaContext? context = null;
        LlamaCppRuntime runtime;
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            context = LlamaContext.Create(model, ContextPlan.Create(model, options), AbortFlag.Callback, abort.Pointer);
            runtime = new LlamaCppRuntime(model, context, abort, new LlamaTokenizer(model), options, memory, logger);
        }
        catch
        {
            context?.Dispose();
            abort.Dispose();
            model.Dispose();
            throw;
        }

        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (options.GpuLayers != 0 && ComputeDevice.All().Any(device => device.IsGpu)) GpuWarmUp.Run(runtime);
            LogLoaded(logger, model, context.Plan);
            return runtime;
        }
        catch
        {
            runtime.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public ForwardStatus Forward(ForwardBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ObjectDisposedException.ThrowIf(_disposed, this);
        _calls.Clear();
        if (!IsValid(batch)) return ForwardStatus.InvalidBatch;

        var (code, changed) = _calls.Run(batch);
        if (code == 0)
        {
            _memory.Advance(batch.Sequences);
            return ForwardStatus.Ok;
        }

        return Fail(changed && code is (1 or -1) ? ComputeFailed : code, batch.Count, batch.Sequences);
    }

    /// <inheritdoc/>
    public ForwardStatus ForwardMedia(int sequence, int position, MediaInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        ObjectDisposedException.ThrowIf(_disposed, this);
        _calls.Clear();
        var fits = input.Rows > 0 && input.Rows <= Limits.MicroBatchTokens && input.Embeddings.Length == (long)input.Rows * Model.EmbeddingLength;
        if (!fits || !_memory.IsKnown(sequence) || position != _memory.Length(sequence) || position > Limits.ContextLength - input.Rows)
            return ForwardStatus.InvalidBatch;

        int code;
        fixed (float* rows = input.Embeddings.Span)
        {
            LlamaNative.llama_set_causal_attn(_context.Pointer, false);
            code = LlamaNative.llama_decode(_context.Pointer, _batch.WithEmbeddings(rows, input.Rows, position, sequence));
            LlamaNative.llama_set_causal_attn(_context.Pointer, true);
        }

        if (code != 0) return Fail(code, input.Rows, [sequence]);
        _memory.Advance(sequence, input.Rows);
        return ForwardStatus.Ok;
    }

    /// <inheritdoc/>
    public ReadOnlySpan<float> Logits(int row) => _disposed ? [] : _calls.Logits(row);

    /// <inheritdoc/>
    public int EmbeddingChunk => _embedding.Chunk;

    /// <inheritdoc/>
    public ForwardStatus ForwardEmbedding(ReadOnlySpan<int> text, int start, int count)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return _embedding.Forward(text, start, count);
    }

    /// <inheritdoc/>
    public ReadOnlySpan<float> HiddenState(int row) => _disposed ? [] : _embedding.HiddenState(row);

    /// <inheritdoc/>
    public int Length(int sequence) => _memory.Length(sequence);

    /// <inheritdoc/>
    public int Rewind(int sequence, int length)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return _memory.Rewind(sequence, length);
    }

    /// <inheritdoc/>
    public bool TryFork(int from, int to, int length)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return _memory.TryFork(from, to, length);
    }

    /// <inheritdoc/>
    public SequenceSnapshot? Snapshot(int sequence, SnapshotScope scope)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return _memory.Snapshot(sequence, scope);
    }

    /// <inheritdoc/>
    public bool Restore(int sequence, SequenceSnapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        ObjectDisposedException.ThrowIf(_disposed, this);
        return _memory.Restore(sequence, snapshot);
    }

    /// <inheritdoc/>
    public void Release(int sequence)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _memory.Release(sequence);
    }

    /// <inheritdoc/>
    public void LimitSnapshots(long bytes) => _memory.LimitSnapshots(bytes);

    /// <inheritdoc/>
    /// <remarks>It works between the operations of the CPU backend; a GPU finishes its step.</remarks>
    public void Interrupt() => _abort.Set();

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _memory.Dispose();
        _calls.Dispose();
        _batch.Dispose();
        _embedding.Dispose();
        _context.Dispose();
        _abort.Dispose(); // after the contexts, which read it
        _model.Dispose();
    }

    private bool IsValid(ForwardBatch batch)
    {
        if (batch.Count == 0 || batch.Count > Limits.MaxBatchTokens) return false;
        if (batch.WantLogits.Count(true) > Limits.MaxLogitsRows) return false; // more would end in a native assert
        Array.Clear(_added);
        for (var i = 0; i < batch.Count; i++)
        {
            var sequence = batch.Sequences[i];
            if (!_memory.IsKnown(sequence) || (uint)batch.Tokens[i] >= (uint)Model.VocabularySize) return false;
            var expected = _memory.Length(sequence) + _added[sequence]++;
            if (batch.Positions[i] != expected || expected >= Limits.ContextLength) return false;
        }

        return true;
    }

    private ForwardStatus Fail(int code, int rows, ReadOnlySpan<int> sequences)
    {
        // 1: no slot, nothing changed; -1: refused, nothing changed. Otherwise earlier micro-batches stayed.
        if (code is not (1 or -1)) _memory.ReadBack(sequences);
        if (code is not (1 or 2)) LogMessages.DecodeFailed(_logger, code, rows);
        return code switch
        {
            1 => ForwardStatus.NoSpace,
            2 => ForwardStatus.Aborted,
            -1 => ForwardStatus.InvalidBatch,
            -2 => ForwardStatus.OutOfMemory,
            _ => ForwardStatus.Failed,
        };
    }

    private static void LogLoaded(ILogger logger, LlamaModel model, ContextPlan plan)
    {
        var need = MemoryNeed.Of(model.Footprint, plan, 0, 0);
        LogMessages.ModelLoaded(
            logger, model.Info.Name, model.Info.Description, plan.Sequences, plan.ContextLength, plan.TotalCells, plan.SharedCells ? "shared by all" : "in all", need.Host.Kv >> 20, plan.Threads);
    }
}

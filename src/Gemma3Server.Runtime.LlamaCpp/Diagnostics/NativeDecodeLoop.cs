using System.Diagnostics;
using System.Numerics.Tensors;
using Gemma3Server.Runtime.LlamaCpp.Handles;
using Gemma3Server.Runtime.LlamaCpp.Interop;
using Gemma3Server.Runtime.LlamaCpp.Loading;
using Microsoft.Extensions.Logging;

namespace Gemma3Server.Runtime.LlamaCpp.Diagnostics;

/// <summary>
/// The plainest greedy loop over the native library: prefill each prompt, then decode all sequences in one batch per step. It is the
/// reference for tokens and the ceiling for speed, so it goes to the interop directly and past the runtime.
/// </summary>
/// <remarks>
/// It runs on a context of its own, of the options' sizes, with as many sequences as prompts; the context is kept for the next run of as many
/// prompts, so that it is as warm as a server's. One run at a time.
/// </remarks>
public sealed unsafe class NativeDecodeLoop : IDisposable
{
    private readonly LlamaModel _model;
    private readonly bool _ownsModel;
    private readonly LlamaCppOptions _options;
    private LlamaContext? _context;

    private NativeDecodeLoop(LlamaModel model, bool ownsModel, LlamaCppOptions options)
    {
        _model = model;
        _ownsModel = ownsModel;
        _options = options;
    }

    /// <summary>Uses the weights of a loaded runtime, which must live longer than the loop.</summary>
    public static NativeDecodeLoop On(LlamaCppRuntime runtime)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        return new(runtime.LoadedModel, ownsModel: false, runtime.Options);
    }

    /// <summary>Loads weights of its own.</summary>
    /// <exception cref="ModelLoadException">As <see cref="LlamaCppRuntime.Load"/>.</exception>
    public static NativeDecodeLoop Load(LlamaCppOptions options, ILoggerFactory loggers)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new(LlamaModel.Load(options, loggers), ownsModel: true, options);
    }

    /// <summary>What it runs on: the GPUs in use, or the processor, and the compute threads.</summary>
    public string Hardware
    {
        get
        {
            var devices = ComputeDevice.All();
            var gpus = _options.GpuLayers == 0 ? [] : devices.Where(device => device.IsGpu).ToArray();
            var threads = _options.Threads == 0 ? ProcessorTopology.DefaultThreads() : _options.Threads;
            return $"{string.Join(", ", (gpus.Length > 0 ? gpus : devices).Select(device => device.Description).Distinct())}, {threads} threads";
        }
    }

    /// <summary>
    /// Generates <paramref name="count"/> tokens (at least 1) after each prompt, end-of-generation tokens included. Prompts are non-empty and
    /// their tokens valid; prompt and completion fit into the context.
    /// </summary>
    /// <exception cref="InvalidOperationException">The library refused or failed a step.</exception>
    public NativeDecodeResult Run(IReadOnlyList<int[]> prompts, int count)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        var plan = ContextPlan.Create(_model, _options with { Parallel = prompts.Count, SharedCellCount = 0 });
        foreach (var prompt in prompts) Check(prompt, count, plan);

        var context = EmptyContext(plan);
        using var batch = new NativeBatch(plan.BatchTokens);
        var tokens = prompts.Select(_ => new int[count]).ToArray();
        var prefill = Stopwatch.StartNew();
        for (var sequence = 0; sequence < prompts.Count; sequence++) tokens[sequence][0] = Prefill(context, batch, prompts[sequence], sequence);
        prefill.Stop();

        var decode = Stopwatch.StartNew();
        for (var step = 1; step < count; step++) Decode(context, batch, prompts, tokens, step);
        decode.Stop();
        return new()
        {
            Tokens = tokens,
            PromptTokens = prompts.Sum(prompt => prompt.Length),
            PrefillSeconds = prefill.Elapsed.TotalSeconds,
            DecodeSeconds = decode.Elapsed.TotalSeconds,
            DecodeTokens = (count - 1) * prompts.Count,
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _context?.Dispose();
        if (_ownsModel) _model.Dispose();
    }

    private LlamaContext EmptyContext(ContextPlan plan)
    {
        if (_context is null || _context.Plan != plan)
        {
            _context?.Dispose();
            _context = null; // should the next line throw
            _context = LlamaContext.Create(_model, plan);
        }

        for (var sequence = 0; sequence < plan.Sequences; sequence++) LlamaNative.llama_memory_seq_rm(_context.Memory, sequence, -1, -1);
        return _context;
    }

    private void Check(int[] prompt, int count, ContextPlan plan)
    {
        if (prompt.Length == 0 || prompt.Length + (long)count > plan.ContextLength)
            throw new ArgumentException($"A prompt of {prompt.Length} tokens and a completion of {count} do not fit into a context of {plan.ContextLength}.");
        if (prompt.Any(token => (uint)token >= (uint)_model.Info.VocabularySize)) throw new ArgumentException("A prompt has a token that the vocabulary lacks.");
    }

    private int Prefill(LlamaContext context, NativeBatch batch, int[] prompt, int sequence)
    {
        var row = 0;
        // Whole micro-batches, as the engine cuts prompts: other chunks round differently.
        var chunk = Math.Max(1, context.Plan.BatchTokens / context.Plan.MicroBatchTokens) * context.Plan.MicroBatchTokens;
        for (var from = 0; from < prompt.Length; from += chunk)
        {
            batch.Clear();
            var to = Math.Min(prompt.Length, from + chunk);
            for (var position = from; position < to; position++) batch.Add(prompt[position], position, sequence, position == prompt.Length - 1);
            Decode(context, batch);
            row = batch.Count - 1;
        }

        return Greedy(context, row);
    }

    private void Decode(LlamaContext context, NativeBatch batch, IReadOnlyList<int[]> prompts, int[][] tokens, int step)
    {
        batch.Clear();
        for (var sequence = 0; sequence < tokens.Length; sequence++)
            batch.Add(tokens[sequence][step - 1], prompts[sequence].Length + step - 1, sequence, wantLogits: true);
        Decode(context, batch);
        for (var sequence = 0; sequence < tokens.Length; sequence++) tokens[sequence][step] = Greedy(context, sequence);
    }

    private static void Decode(LlamaContext context, NativeBatch batch)
    {
        var code = LlamaNative.llama_decode(context.Pointer, batch.Value);
        if (code != 0) throw new InvalidOperationException($"llama_decode failed with code {code} on {batch.Count} rows.");
    }

    private int Greedy(LlamaContext context, int row) =>
        TensorPrimitives.IndexOfMax(new ReadOnlySpan<float>(LlamaNative.llama_get_logits_ith(context.Pointer, row), _model.Info.VocabularySize));
}

using System.Numerics.Tensors;
using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Embedding;

/// <summary>An <see cref="EmbeddingRequest"/> on its way: how much of it is computed, and who waits for it.</summary>
/// <remarks>
/// Computed by the engine loop; ended by whoever comes first, on any thread. Sums are 64-bit: over thousands of tokens 32-bit ones would lose
/// digits.
/// </remarks>
internal sealed class EmbeddingJob(EmbeddingRequest request, long deadline)
{
    private readonly TaskCompletionSource<EmbeddingResult> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly float[][] _vectors = new float[request.Inputs.Length][];
    private CancellationTokenRegistration _registration;
    private double[] _sums = [];
    private int _input;
    private int _computed;

    public EmbeddingRequest Request => request;

    /// <summary>Timestamp past which the job ends.</summary>
    public long Deadline => deadline;

    /// <summary>Completes with the outcome; is cancelled when the client has gone.</summary>
    public Task<EmbeddingResult> Result => _result.Task;

    public bool IsEnded => _result.Task.IsCompleted;

    /// <summary>Whether the next chunk is the first of an input.</summary>
    public bool IsBetweenInputs => _computed == 0;

    /// <summary>Ties the job to its client: when the token fires, the job ends and <paramref name="onCancel"/> runs.</summary>
    public void Bind(Action onCancel, CancellationToken cancellationToken) => _registration = cancellationToken.UnsafeRegister(
        _ =>
        {
            if (_result.TrySetCanceled(cancellationToken)) onCancel();
        },
        null);

    /// <summary>Ends the job; the first end counts.</summary>
    public void End(EmbeddingResult result)
    {
        _registration.Unregister();
        _result.TrySetResult(result);
    }

    /// <summary>Computes the next chunk; returns the tokens that were computed, 0 when the job has failed with it or begins its text again.</summary>
    /// <param name="runtime">What computes.</param>
    /// <param name="shed">Gives memory back that is only kept for later; false when there is none.</param>
    public int Advance(IEmbeddingRuntime runtime, Func<bool> shed)
    {
        var text = request.Inputs[_input];
        var count = Math.Min(runtime.EmbeddingChunk, text.Length - _computed);
        var status = runtime.ForwardEmbedding(text, _computed, count);
        if (status is ForwardStatus.NoSpace or ForwardStatus.OutOfMemory && shed())
        {
            // A text that failed is gone.
            _computed = 0;
            return 0;
        }

        if (status != ForwardStatus.Ok)
        {
            End(status switch
            {
                ForwardStatus.Aborted => EmbeddingResult.Fail(GenerationError.Draining, "The server is stopping."), // nobody else interrupts
                ForwardStatus.NoSpace or ForwardStatus.OutOfMemory => EmbeddingResult.Fail(
                    GenerationError.OutOfMemory, $"The server has no memory to embed a text of {text.Length} tokens."),
                _ => EmbeddingResult.Fail(GenerationError.RuntimeFailed, $"The model could not embed this text ({status})."),
            });
            return 0;
        }

        if (_computed == 0) _sums = new double[runtime.HiddenState(0).Length];
        for (var row = 0; row < count; row++) Add(runtime.HiddenState(row));
        _computed += count;
        if (_computed == text.Length) FinishInput();
        return count;
    }

    private void Add(ReadOnlySpan<float> state)
    {
        for (var i = 0; i < _sums.Length; i++) _sums[i] += state[i];
    }

    /// <summary>The mean has the direction of the sum, and the length is made 1.</summary>
    private void FinishInput()
    {
        var norm = TensorPrimitives.Norm<double>(_sums);
        if (!(norm > 0 && double.IsFinite(norm)))
        {
            End(EmbeddingResult.Fail(GenerationError.RuntimeFailed, "The model produced hidden states that have no direction."));
            return;
        }

        _vectors[_input] = Array.ConvertAll(_sums, sum => (float)(sum / norm));
        _computed = 0;
        if (++_input == _vectors.Length) End(EmbeddingResult.Of(_vectors));
    }
}

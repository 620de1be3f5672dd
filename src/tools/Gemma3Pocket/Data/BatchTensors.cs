using static TorchSharp.torch;

namespace Gemma3Pocket.Data;

/// <summary>A <see cref="Batch"/> as the model takes it. Dispose it after the step.</summary>
internal sealed class BatchTensors : IDisposable
{
    public BatchTensors(Batch batch, int window)
    {
        var width = batch.Tokens.Length / batch.Rows;
        Rows = batch.Rows;
        Tokens = tensor(batch.Tokens);
        Positions = tensor(batch.Positions);
        Selected = tensor(batch.Selected);
        Targets = tensor(batch.Targets);
        Weights = tensor(batch.Weights);
        GlobalMask = Mask(batch, width, int.MaxValue);
        // llama.cpp masks what is `window` or more tokens back: a token sees itself and window - 1 others.
        LocalMask = batch.Reach.Max() < window ? GlobalMask : Mask(batch, width, window - 1);
    }

    public long Rows { get; }

    public Tensor Tokens { get; }

    public Tensor Positions { get; }

    public Tensor Selected { get; }

    public Tensor Targets { get; }

    public Tensor Weights { get; }

    /// <summary>0 where a token may look, minus infinity elsewhere: rows x 1 x tokens x tokens.</summary>
    public Tensor GlobalMask { get; }

    /// <summary>The same for layers with a window.</summary>
    public Tensor LocalMask { get; }

    public void Dispose()
    {
        foreach (var tensor in (ReadOnlySpan<Tensor>)[Tokens, Positions, Selected, Targets, Weights, GlobalMask, LocalMask])
            tensor.Dispose();
    }

    private static Tensor Mask(Batch batch, int width, int most)
    {
        var mask = new float[batch.Rows * width * width];
        Array.Fill(mask, float.NegativeInfinity);
        for (var i = 0; i < batch.Tokens.Length; i++)
        {
            var reach = Math.Min(batch.Reach[i], most);
            mask.AsSpan(i * width + i % width - reach, reach + 1).Clear();
        }
        return tensor(mask, [batch.Rows, 1, width, width]);
    }
}

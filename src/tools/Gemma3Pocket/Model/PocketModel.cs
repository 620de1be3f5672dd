using Gemma3Pocket.Data;
using static TorchSharp.torch;

namespace Gemma3Pocket.Model;

/// <summary>The text architecture of Gemma 3 as llama.cpp runs it (its <c>src/models/gemma3.cpp</c>), differentiable.</summary>
/// <remarks>It holds tables only; the weights come with each call, as one flat vector in the order of <see cref="WeightLayout"/>.</remarks>
internal sealed class PocketModel : IDisposable
{
    private const double Epsilon = 1e-6;
    private const double LocalRopeBase = 10_000;
    private const double GlobalRopeBase = 1_000_000;
    private readonly WeightLayout _layout;
    private readonly long[] _pieces;
    private readonly long[] _multipliedPieces;
    private readonly ScalarType _multiplied;
    private readonly Tensor _localRotation;
    private readonly Tensor _globalRotation;

    /// <param name="layout">Dimensions and order of the weights.</param>
    /// <param name="maxPositions">Length of the longest lesson.</param>
    /// <param name="isFast">
    /// Multiplies matrices in bfloat16, twice as fast where the processor has AVX512-BF16; all sums between them stay in 32 bits.
    /// </param>
    public PocketModel(WeightLayout layout, int maxPositions, bool isFast)
    {
        _multiplied = isFast ? ScalarType.BFloat16 : ScalarType.Float32;
        _layout = layout;
        _pieces = [.. layout.PieceLengths()];
        _multipliedPieces = _pieces[..(4 * layout.Shape.LayerCount + 1)];
        _localRotation = Rotation(layout.Shape.HeadLength, maxPositions, LocalRopeBase);
        _globalRotation = Rotation(layout.Shape.HeadLength, maxPositions, GlobalRopeBase);
    }

    /// <summary>Runs a batch and returns the logits of the positions that it selects: a row each.</summary>
    public Tensor Forward(Tensor weights, BatchTensors batch)
    {
        var shape = _layout.Shape;
        var pieces = weights.split(_pieces);
        var rounded = weights.narrow(0, 0, _layout.NormOffset).to(_multiplied).split(_multipliedPieces);
        var matrices = 4 * shape.LayerCount;
        var embedding = pieces[matrices].view(shape.VocabularySize, shape.EmbeddingLength);
        var local = Rotations.Gather(_localRotation, batch.Positions, batch.Rows);
        var global = Rotations.Gather(_globalRotation, batch.Positions, batch.Rows);
        var x = embedding.index_select(0, batch.Tokens) * MathF.Sqrt(shape.EmbeddingLength);
        for (var layer = 0; layer < shape.LayerCount; layer++)
        {
            var weight = rounded.AsSpan(4 * layer, 4);
            var norm = pieces.AsSpan(matrices + 1 + 6 * layer, 6);
            var isGlobal = PocketShape.IsGlobal(layer);
            var attended = Attend(
                Normalize(x, norm[0]), weight[0], norm[1], norm[2], isGlobal ? global : local, isGlobal ? batch.GlobalMask : batch.LocalMask, batch.Rows);
            x = x + Normalize(Multiply(attended, weight[1]).to(ScalarType.Float32), norm[3]);
            x = x + Normalize(FeedForward(Normalize(x, norm[4]), weight[2], weight[3]), norm[5]);
        }
        return Multiply(Normalize(x.index_select(0, batch.Selected), pieces[^1]), rounded[^1]).to(ScalarType.Float32);
    }

    public void Dispose()
    {
        _localRotation.Dispose();
        _globalRotation.Dispose();
    }

    private Tensor Attend(Tensor x, Tensor weight, Tensor queryNorm, Tensor keyNorm, Rotations rotation, Tensor mask, long rows)
    {
        var shape = _layout.Shape;
        long queries = shape.HeadCount, keys = shape.KeyValueHeadCount, head = shape.HeadLength;
        var all = Multiply(x, weight).to(ScalarType.Float32).view(rows, -1, queries + 2 * keys, head);
        // Queries and keys are normalized and rotated alike: together.
        var gain = cat([queryNorm.expand(queries, head), keyNorm.expand(keys, head)]);
        var rotated = rotation.Apply(Normalize(all.narrow(2, 0, queries + keys), gain)).transpose(1, 2);
        var q = rotated.narrow(1, 0, queries);
        var k = Repeated(rotated.narrow(1, queries, keys), queries / keys);
        var v = Repeated(all.narrow(2, queries + keys, keys).transpose(1, 2), queries / keys);
        return nn.functional.scaled_dot_product_attention(q, k, v, mask).transpose(1, 2).reshape(-1, queries * head);
    }

    private static Tensor FeedForward(Tensor x, Tensor gateAndUp, Tensor down)
    {
        var halves = Multiply(x, gateAndUp).chunk(2, -1);
        return Multiply(halves[0].gelu(TorchSharp.Modules.GELU.Approximate.tanh) * halves[1], down).to(ScalarType.Float32);
    }

    /// <summary>Rows of <paramref name="x"/> times a matrix, in the type of the matrix.</summary>
    private static Tensor Multiply(Tensor x, Tensor piece) => x.to(piece.dtype).matmul(piece.view(-1, x.shape[^1]).t());

    private static Tensor Normalize(Tensor x, Tensor weight) =>
        x * (x.square().mean([-1L], keepdim: true) + Epsilon).rsqrt() * (weight + 1);

    /// <summary>Every head <paramref name="times"/> times in a row: queries 0 and 1 read key 0, and so on.</summary>
    private static Tensor Repeated(Tensor heads, long times) =>
        heads.unsqueeze(2).expand(heads.shape[0], heads.shape[1], times, heads.shape[2], heads.shape[3]).reshape(heads.shape[0], -1, heads.shape[2], heads.shape[3]);

    /// <summary>Cosines, then sines, of every position: a row each.</summary>
    private static Tensor Rotation(int headLength, int positions, double frequencyBase)
    {
        var half = headLength / 2;
        var table = new float[positions * headLength];
        for (var position = 0; position < positions; position++)
        {
            for (var i = 0; i < half; i++)
            {
                var (sine, cosine) = Math.SinCos(position * Math.Pow(frequencyBase, -2.0 * i / headLength));
                table[position * headLength + i] = (float)cosine;
                table[position * headLength + half + i] = (float)sine;
            }
        }
        return tensor(table, [positions, headLength]);
    }
}

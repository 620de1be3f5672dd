using static TorchSharp.torch;

namespace Gemma3Pocket.Model;

/// <summary>The rotary embedding of one batch: element i of a head turns with element i + half, as llama.cpp's "NEOX" order has it.</summary>
internal sealed class Rotations
{
    private readonly Tensor _cosines;
    private readonly Tensor _sines;

    private Rotations(Tensor cosines, Tensor sines)
    {
        _cosines = cosines;
        _sines = sines;
    }

    /// <summary>Looks up the angles of all positions; shaped rows x tokens x 1 x half a head.</summary>
    public static Rotations Gather(Tensor table, Tensor positions, long rows)
    {
        var halves = table.index_select(0, positions).view(rows, -1, 1, table.shape[1]).chunk(2, -1);
        return new Rotations(halves[0].contiguous(), halves[1].contiguous());
    }

    /// <summary>Turns the last dimension of rows x tokens x heads x head.</summary>
    public Tensor Apply(Tensor heads)
    {
        var halves = heads.chunk(2, -1);
        return cat([halves[0] * _cosines - halves[1] * _sines, halves[1] * _cosines + halves[0] * _sines], -1);
    }
}

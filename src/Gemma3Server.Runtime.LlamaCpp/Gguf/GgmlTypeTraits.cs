namespace Gemma3Server.Runtime.LlamaCpp.Gguf;

/// <summary>Block length and block bytes of every <see cref="GgmlType"/>.</summary>
public static class GgmlTypeTraits
{
    /// <summary>Weights in one block; 1 for plain numbers; 0 for a type this version does not know.</summary>
    public static int BlockLength(this GgmlType type) => Traits(type).Length;

    /// <summary>Bytes of one block; 0 for a type this version does not know.</summary>
    public static int BlockBytes(this GgmlType type) => Traits(type).Bytes;

    /// <summary>Whether the number is a type this version knows.</summary>
    public static bool IsKnown(this GgmlType type) => Traits(type).Length != 0;

    /// <summary>Bytes of <paramref name="elements"/> weights.</summary>
    /// <exception cref="ArgumentException">They are not whole blocks, or the type is unknown.</exception>
    /// <exception cref="OverflowException">The result does not fit.</exception>
    public static long ByteLength(this GgmlType type, long elements)
    {
        var (length, bytes) = Traits(type);
        if (length == 0 || elements < 0 || elements % length != 0)
            throw new ArgumentException($"{elements} weights are not whole blocks of {type}.", nameof(elements));
        return checked(elements / length * bytes);
    }

    private static (int Length, int Bytes) Traits(GgmlType type) => type switch
    {
        GgmlType.F32 or GgmlType.I32 => (1, 4),
        GgmlType.F16 or GgmlType.I16 or GgmlType.BF16 => (1, 2),
        GgmlType.Q4_0 or GgmlType.IQ4_NL => (32, 18),
        GgmlType.Q4_1 => (32, 20),
        GgmlType.Q5_0 => (32, 22),
        GgmlType.Q5_1 => (32, 24),
        GgmlType.Q8_0 => (32, 34),
        GgmlType.Q8_1 => (32, 36),
        GgmlType.Q2_K => (256, 84),
        GgmlType.Q3_K or GgmlType.IQ3_S => (256, 110),
        GgmlType.Q4_K => (256, 144),
        GgmlType.Q5_K => (256, 176),
        GgmlType.Q6_K => (256, 210),
        GgmlType.Q8_K => (256, 292),
        GgmlType.IQ2_XXS or GgmlType.TQ2_0 => (256, 66),
        GgmlType.IQ2_XS => (256, 74),
        GgmlType.IQ3_XXS => (256, 98),
        GgmlType.IQ1_S => (256, 50),
        GgmlType.IQ2_S => (256, 82),
        GgmlType.IQ4_XS => (256, 136),
        GgmlType.I8 => (1, 1),
        GgmlType.I64 or GgmlType.F64 => (1, 8),
        GgmlType.IQ1_M => (256, 56),
        GgmlType.TQ1_0 => (256, 54),
        GgmlType.MXFP4 => (32, 17),
        GgmlType.NVFP4 => (64, 36),
        GgmlType.Q1_0 => (128, 18),
        GgmlType.Q2_0 => (64, 18),
        _ => (0, 0),
    };
}

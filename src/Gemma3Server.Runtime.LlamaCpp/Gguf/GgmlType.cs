namespace Gemma3Server.Runtime.LlamaCpp.Gguf;

#pragma warning disable CA1707 // ggml's own names, which every user of GGUF files knows
/// <summary>How a tensor's elements are stored, with the number ggml gives it.</summary>
public enum GgmlType
{
    /// <summary>32-bit float.</summary>
    F32 = 0,

    /// <summary>16-bit float.</summary>
    F16 = 1,

    /// <summary>Blocks of 32 weights in 18 bytes.</summary>
    Q4_0 = 2,

    /// <summary>Blocks of 32 weights in 20 bytes.</summary>
    Q4_1 = 3,

    /// <summary>Blocks of 32 weights in 22 bytes.</summary>
    Q5_0 = 6,

    /// <summary>Blocks of 32 weights in 24 bytes.</summary>
    Q5_1 = 7,

    /// <summary>Blocks of 32 weights in 34 bytes.</summary>
    Q8_0 = 8,

    /// <summary>Blocks of 32 weights in 36 bytes.</summary>
    Q8_1 = 9,

    /// <summary>Blocks of 256 weights in 84 bytes.</summary>
    Q2_K = 10,

    /// <summary>Blocks of 256 weights in 110 bytes.</summary>
    Q3_K = 11,

    /// <summary>Blocks of 256 weights in 144 bytes.</summary>
    Q4_K = 12,

    /// <summary>Blocks of 256 weights in 176 bytes.</summary>
    Q5_K = 13,

    /// <summary>Blocks of 256 weights in 210 bytes.</summary>
    Q6_K = 14,

    /// <summary>Blocks of 256 weights in 292 bytes.</summary>
    Q8_K = 15,

    /// <summary>Blocks of 256 weights in 66 bytes.</summary>
    IQ2_XXS = 16,

    /// <summary>Blocks of 256 weights in 74 bytes.</summary>
    IQ2_XS = 17,

    /// <summary>Blocks of 256 weights in 98 bytes.</summary>
    IQ3_XXS = 18,

    /// <summary>Blocks of 256 weights in 50 bytes.</summary>
    IQ1_S = 19,

    /// <summary>Blocks of 32 weights in 18 bytes.</summary>
    IQ4_NL = 20,

    /// <summary>Blocks of 256 weights in 110 bytes.</summary>
    IQ3_S = 21,

    /// <summary>Blocks of 256 weights in 82 bytes.</summary>
    IQ2_S = 22,

    /// <summary>Blocks of 256 weights in 136 bytes.</summary>
    IQ4_XS = 23,

    /// <summary>8-bit signed integer.</summary>
    I8 = 24,

    /// <summary>16-bit signed integer.</summary>
    I16 = 25,

    /// <summary>32-bit signed integer.</summary>
    I32 = 26,

    /// <summary>64-bit signed integer.</summary>
    I64 = 27,

    /// <summary>64-bit float.</summary>
    F64 = 28,

    /// <summary>Blocks of 256 weights in 56 bytes.</summary>
    IQ1_M = 29,

    /// <summary>32-bit float without its lower 16 bits.</summary>
    BF16 = 30,

    /// <summary>Blocks of 256 weights in 54 bytes.</summary>
    TQ1_0 = 34,

    /// <summary>Blocks of 256 weights in 66 bytes.</summary>
    TQ2_0 = 35,

    /// <summary>Blocks of 32 weights in 17 bytes.</summary>
    MXFP4 = 39,

    /// <summary>Blocks of 64 weights in 36 bytes.</summary>
    NVFP4 = 40,

    /// <summary>Blocks of 128 weights in 18 bytes.</summary>
    Q1_0 = 41,

    /// <summary>Blocks of 64 weights in 18 bytes.</summary>
    Q2_0 = 42,
}

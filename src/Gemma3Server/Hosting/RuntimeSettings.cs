using System.ComponentModel.DataAnnotations;

namespace Gemma3Server.Hosting;

/// <summary>How the model is loaded and run; the defaults are those of the native runtime's own options, which say why.</summary>
internal sealed record RuntimeSettings
{
    /// <summary>Layers on the GPU, with the output as one more; -1 = auto: all, or as many as fit.</summary>
    [Range(-1, 1024)]
    public int GpuLayers { get; init; } = -1;

    /// <summary>
    /// Tokens of one conversation, prompt and answer; 0 = auto: as many as fit, at most the trained length, 32,768 on a GPU and 8192 without.
    /// 131072 is Gemma 3's longest.
    /// </summary>
    [Range(0, 131_072)]
    public int ContextLength { get; init; }

    /// <summary>Conversations that run at the same time; 0 = auto: as many as fit, at most 4. 256 is the native library's limit.</summary>
    [Range(0, 256)]
    public int Parallel { get; init; }

    /// <summary>Rows of one native call.</summary>
    [Range(1, 65_536)]
    public int BatchTokens { get; init; } = 2048;

    /// <summary>Rows computed at once.</summary>
    [Range(1, 65_536)]
    public int MicroBatchTokens { get; init; } = 512;

    /// <summary>Compute threads; 0 = chosen from the physical cores.</summary>
    [Range(0, 1024)]
    public int Threads { get; init; }

    /// <summary>Flash attention: auto, on or off.</summary>
    [AllowedValues("auto", "on", "off")]
    public string FlashAttention { get; init; } = "auto";

    /// <summary>Element type of cached keys.</summary>
    [AllowedValues("f32", "f16", "bf16", "q8_0", "q4_0")]
    public string KeyCacheType { get; init; } = "f16";

    /// <summary>Element type of cached values.</summary>
    [AllowedValues("f32", "f16", "bf16", "q8_0", "q4_0")]
    public string ValueCacheType { get; init; } = "f16";

    /// <summary>Whether the file is memory-mapped.</summary>
    public bool MemoryMap { get; init; } = true;

    /// <summary>Whether the weights are locked in RAM.</summary>
    public bool MemoryLock { get; init; }

    /// <summary>Whether all conversations share one pool of KV cells; nothing, or auto = where all layers are on a GPU, or the pool's size is given.</summary>
    public bool? SharedCells { get; init; }

    /// <summary>Cells of the shared pool, which makes auto true; 0 = enough for all conversations at full length.</summary>
    [Range(0, int.MaxValue)]
    public int SharedCellCount { get; init; }

    /// <summary>Folder of the native library; by default the one beside the program.</summary>
    public string? LibraryDirectory { get; init; }
}

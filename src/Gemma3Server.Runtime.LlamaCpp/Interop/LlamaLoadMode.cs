namespace Gemma3Server.Runtime.LlamaCpp.Interop;

/// <summary><c>llama_load_mode</c>: how the weights come into memory.</summary>
internal enum LlamaLoadMode
{
    Auto = -1,
    None = 0,
    MemoryMap = 1,
    MemoryLock = 2,
    MemoryMapAndLock = 3,
}

namespace Gemma3Server.Runtime.LlamaCpp.Interop;

/// <summary><c>llama_ftype</c>: what most tensors of a file are stored as.</summary>
internal enum LlamaFileType
{
    MostlyQ4 = 2,
    MostlyQ8 = 7,
}

namespace Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

/// <summary>Values of <c>tokenizer.ggml.token_type</c>, as SentencePiece numbers them.</summary>
internal enum TokenType
{
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}

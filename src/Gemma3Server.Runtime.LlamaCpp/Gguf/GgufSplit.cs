namespace Gemma3Server.Runtime.LlamaCpp.Gguf;

/// <summary>This file's place in a checkpoint of several files (<c>-00001-of-0000N.gguf</c>).</summary>
/// <param name="Index">Number of this file, from 0.</param>
/// <param name="Count">Number of files.</param>
/// <param name="TensorCount">Number of tensors in all files.</param>
public sealed record GgufSplit(int Index, int Count, int TensorCount);

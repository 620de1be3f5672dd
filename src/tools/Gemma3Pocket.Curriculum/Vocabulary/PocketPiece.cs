namespace Gemma3Pocket.Curriculum;

/// <summary>One entry of the vocabulary, as a GGUF file stores it.</summary>
/// <param name="Text">The piece; <c>▁</c> stands for a space in normal pieces.</param>
/// <param name="Score">Pieces of a better score are merged first.</param>
/// <param name="Type">1 normal, 2 unknown, 3 control, 4 user-defined, 6 byte: the numbers of SentencePiece and llama.cpp.</param>
public sealed record PocketPiece(string Text, float Score, int Type);

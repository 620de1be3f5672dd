namespace Gemma3Pocket.Model;

/// <summary>Where one tensor of the checkpoint lies in the flat vector of all weights.</summary>
/// <param name="Name">llama.cpp's name of it.</param>
/// <param name="Kind">How it is initialized, decayed and stored.</param>
/// <param name="Offset">Index of its first weight.</param>
/// <param name="Height">Number of rows; 1 for a norm.</param>
/// <param name="Width">Length of a row: the input dimension of a matrix.</param>
internal sealed record WeightSlot(string Name, WeightKind Kind, int Offset, int Height, int Width)
{
    /// <summary>Number of weights.</summary>
    public int Length => Height * Width;
}

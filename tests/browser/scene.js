// A landscape that nobody photographed, so that tests have pictures as people send them: `paint(seed, width, height)` gives a JPEG in base64.
const paint = (seed, width, height) => {
  let state = seed * 2654435761 % 4294967296;
  const chance = () => { state = (state * 1664525 + 1013904223) % 4294967296; return state / 4294967296; };
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const at = canvas.getContext("2d");
  const hue = [28, 205, 340, 150, 262][seed % 5];
  const sky = at.createLinearGradient(0, 0, 0, height * 0.6);
  for (const [stop, light] of [[0, 42], [0.55, 66], [1, 86]]) sky.addColorStop(stop, `hsl(${hue + 30 * (1 - stop)} ${70 - 20 * stop}% ${light}%)`);
  at.fillStyle = sky;
  at.fillRect(0, 0, width, height);
  const [sunX, sunY] = [width * (0.2 + 0.6 * chance()), height * (0.22 + 0.15 * chance())];
  const glow = at.createRadialGradient(sunX, sunY, 0, sunX, sunY, height * 0.5);
  for (const [stop, alpha] of [[0, 1], [0.09, 0.95], [0.12, 0.45], [1, 0]]) glow.addColorStop(stop, `hsl(${hue + 15} 95% 92% / ${alpha})`);
  at.fillStyle = glow;
  at.fillRect(0, 0, width, height);
  const shore = Math.round(height * 0.64);
  for (let ridge = 0; ridge < 5; ridge += 1) {
    const base = height * (0.34 + ridge * 0.07);
    const waves = Array.from({ length: 7 }, (_, step) => [chance() * 7, (step + 1) * (0.6 + chance()), 0.11 / (step + 1)]);
    at.fillStyle = `hsl(${hue + 180 + ridge * 8} ${22 + ridge * 6}% ${66 - ridge * 12}%)`;
    at.beginPath();
    at.moveTo(0, shore);
    for (let x = 0; x <= width; x += 2) at.lineTo(x, base - height * waves.reduce((sum, [phase, rate, size]) => sum + size * Math.sin(phase + rate * x / width * 6), 0));
    at.lineTo(width, shore);
    at.fill();
  }
  for (let tree = 0; tree < 46; tree += 1) {
    const [x, tall] = [chance() * width, height * (0.05 + 0.13 * chance())];
    at.fillStyle = `hsl(${hue + 190} 40% ${8 + 8 * chance()}%)`;
    at.beginPath();
    at.moveTo(x, shore - tall);
    at.lineTo(x + tall * 0.17, shore);
    at.lineTo(x - tall * 0.17, shore);
    at.fill();
  }
  for (let y = shore; y < height; y += 2) {
    const shift = Math.sin(y * 0.9) * (y - shore) * 0.03;
    at.drawImage(canvas, 0, Math.max(0, shore - (y - shore) * 1.5), width, 2, shift, y, width, 2);
  }
  const water = at.createLinearGradient(0, shore, 0, height);
  water.addColorStop(0, `hsl(${hue + 190} 45% 30% / .1)`);
  water.addColorStop(1, `hsl(${hue + 190} 55% 12% / .75)`);
  at.fillStyle = water;
  at.fillRect(0, shore, width, height - shore);
  return canvas.toDataURL("image/jpeg", 0.86).split(",")[1];
};

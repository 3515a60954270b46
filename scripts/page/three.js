// What the page uses of three.js; esbuild leaves out the rest.
export {
  BufferGeometry, CapsuleGeometry, CatmullRomCurve3, Color, DirectionalLight, Float32BufferAttribute, GridHelper, Group,
  HemisphereLight, Line, LineBasicMaterial, Matrix4, Mesh, MeshBasicMaterial, MeshStandardMaterial, PerspectiveCamera,
  PlaneGeometry, Quaternion, Scene, SphereGeometry, TubeGeometry, Vector3, WebGLRenderer,
} from 'three';
export { OrbitControls } from 'three/examples/jsm/controls/OrbitControls.js';
